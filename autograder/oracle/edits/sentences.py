"""Hand-written sentences for famous mistakes whose kind has a template; by name, or by class and name."""

SENTENCES: dict[str, str] = {
    "missing_last_relu": "Your block returns the sum as it is: the ReLU after the addition is missing.",
    "BasicBlock.missing_middle_relu": "There is no ReLU between your two convolutions. Two linear maps in a row are one "
    "linear map.",
    "Bottleneck.missing_middle_relu": "There is no ReLU after your 3x3 convolution. Only the 1x1 expansion is followed by "
    "none.",
    "missing_first_relu": "There is no ReLU after your 1x1 squeeze: one follows its BatchNorm.",
    "missing_inner_relus": "There is no ReLU inside F(x): one belongs after the squeeze and one after the 3x3 convolution.",
    "no_relu_at_all": "Your block has no ReLU at all; without one it is a single linear map in eval mode.",
    "missing_stem_relu": "There is no ReLU after the BatchNorm of your stem.",
    "no_batchnorm": "There is no BatchNorm in your block: one follows each convolution.",
    "no_batchnorm_in_residual": "There is no BatchNorm in F(x): one follows each convolution.",
    "shortcut_without_batchnorm": "Your projection shortcut has no BatchNorm that is called: one follows its 1x1 "
    "convolution, as every other one.",
    "BasicBlock.stride_on_both_convs": "Both of your 3x3 convolutions carry the stride, so the image shrinks twice. Only "
    "the first one does.",
    "stride_on_second_conv": "Your second 3x3 convolution carries the stride; it belongs to the first.",
    "stride_on_first_1x1": "Your 1x1 squeeze carries the stride and never looks at three pixels out of four; here the 3x3 "
    "convolution carries it.",
    "stride_on_last_1x1": "Your 1x1 expansion carries the stride; the 3x3 convolution should.",
    "stride_on_all_convs": "More than one of your convolutions carries the stride; only the 3x3 does.",
    "stride_ignored": "No convolution of F(x) carries the stride, so the two branches do not have the same size.",
    "no_stride_anywhere": "The stride is used nowhere: neither F(x) nor the shortcut shrinks the image.",
    "shortcut_without_stride": "The convolution of your shortcut does not carry the stride, so the two branches do not have "
    "the same size.",
    "no_padding": "Your 3x3 convolutions have no padding, so the image shrinks at its border. Use padding=1.",
    "padding_on_1x1": "Your 1x1 convolutions are padded, so the image grows. Only a 3x3 convolution needs padding=1.",
    "stem_without_padding": "The convolution of your stem has no padding, so 32x32 becomes 30x30. Use padding=1.",
    "kernel_1_second": "Your second convolution is 1x1; both convolutions of a basic block are 3x3.",
    "kernel_3_everywhere": "All three of your convolutions are 3x3: the first and the last should be 1x1, that is where the "
    "saving is.",
    "kernel_1_everywhere": "All three of your convolutions are 1x1: none looks at its neighbours. The middle one should be "
    "3x3.",
    "shortcut_3x3": "Your shortcut uses a 3x3 convolution; 1x1 is enough to change channels, and far cheaper.",
    "middle_not_squeezed": "Your block does not squeeze: its middle has 4 * planes channels instead of planes.",
    "middle_squeezed_twice": "Your block's middle has planes / 4 channels. planes is the narrow width already.",
    "second_conv_takes_in_planes": "Your second convolution is built for in_planes channels, but it receives what the first "
    "one returns: planes.",
    "last_batchnorm_to_planes": "Your last BatchNorm is built for planes channels, but it receives expansion * planes.",
    "residual_scaled_half": "Your block halves F(x) before the addition; it should be H(x) = F(x) + x, without a factor.",
}
