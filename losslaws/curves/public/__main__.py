"""`python -m losslaws.curves.public`: the distilled tables anew, from the repositories that published them."""

from losslaws.curves.errors import exit_on_input_error
from losslaws.curves.public import rebuild

if __name__ == "__main__":
    exit_on_input_error(rebuild)
