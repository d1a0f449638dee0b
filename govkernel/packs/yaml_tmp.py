import yaml
from govkernel.errors import InputError


def loads(text):
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise InputError("yaml.malformed", "bad", why=str(e)) from None
