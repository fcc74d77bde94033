# SPDX-License-Identifier: BSD-2-Clause
"""Imports about 200 modules of the standard library: those named here and what those import."""
import importlib
import sys

NAMES = """
argparse array ast base64 bisect bz2 calendar cmd code collections colorsys configparser
contextlib copy cProfile csv ctypes dataclasses datetime decimal difflib dis enum fileinput
fnmatch fractions functools getpass gettext glob graphlib gzip hashlib heapq hmac html
html.parser http.client inspect ipaddress json linecache locale logging.handlers lzma mimetypes
mmap netrc optparse pathlib pickle platform plistlib pprint queue quopri random sched secrets
selectors shelve shlex shutil signal socketserver sqlite3 ssl statistics string subprocess
tarfile tempfile textwrap threading timeit tokenize traceback typing unittest urllib.request
uuid wave weakref zipfile zoneinfo
""".split()

for name in NAMES:
    importlib.import_module(name)
count = sum(1 for module in sys.modules.values() if getattr(module, "__file__", None))
if count < 150:
    sys.exit("imports.py: only %d modules came from files" % count)
if sys.argv[1:] == ["-v"]:
    print(count, len(sys.modules))
