"""What a module has in the place of an attribute that it does not have: misspelled names are near the right ones."""

import difflib

REGISTERED = ("_modules", "_parameters", "_buffers")
"""Where `nn.Module` keeps its layers and tensors."""
MOST_NAMES = 12
LONGEST_NAME = 40


def attributes_instead(error: BaseException) -> str:
    """The names that a module of the student's has, where it was asked for another one; "" for other exceptions."""
    if not isinstance(error, AttributeError):
        return ""
    try:
        has, asked = vars(error.obj), error.name
        if not isinstance(asked, str) or not all(isinstance(has.get(place), dict) for place in REGISTERED):
            return ""
        names = [name for place in REGISTERED for name in has[place]]
        names += [name for name in has if not name.startswith("_") and name != "training"]
        names = [name for name in names if isinstance(name, str) and len(name) <= LONGEST_NAME]
    except Exception:  # the object is the student's, and may raise whatever it is asked for
        return ""
    near = difflib.get_close_matches(asked, names, 1)
    meant = f"; is {near[0]} meant?" if near else ""
    said = ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
    return f"it has {said}{meant}" if names else ""
