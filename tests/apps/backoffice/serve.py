"""A back office as many firms have one: Django's own sign-in and admin, and one form with a file.

    python serve.py PORT FOLDER

Keeps its database in FOLDER and serves at PORT of the loopback address. It is an ordinary Django site: nothing in it
knows that anything may stand in front of it. The clerks are CLERKS, each with PASSWORD.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLERKS = ["ines", "Jörg", "mei"]
PASSWORD = "Lighthouse-1911"


def main() -> None:
    port, folder = sys.argv[1:]
    os.environ["BACKOFFICE_FOLDER"] = folder
    os.environ["DJANGO_SETTINGS_MODULE"] = "office.settings"
    sys.path.insert(0, str(HERE))

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)

    from django.contrib.auth import get_user_model

    for name in CLERKS:
        get_user_model().objects.create_superuser(name, password=PASSWORD)
    call_command("runserver", f"127.0.0.1:{port}", use_reloader=False, skip_checks=True)


if __name__ == "__main__":
    main()
