# SPDX-License-Identifier: BSD-2-Clause
"""A small web application that leaves most of what it needs to the request that needs it."""

import datetime
import os

from flask import Flask, abort, jsonify, render_template, request

app = Flask(__name__)


@app.get("/")
def index():
    return render_template("index.html", name=request.args.get("name", "world"),
                           greeting=os.environ.get("SAMPLE_GREETING", "Hello"))


@app.get("/json")
def as_json():
    return jsonify(answer=42, unit="°C", items=["a", "b"])


@app.get("/digest/<algorithm>")
def digest(algorithm):
    import hashlib

    try:
        h = hashlib.new(algorithm, request.args.get("text", "").encode())
    except ValueError:
        abort(404)
    return jsonify(algorithm=algorithm, digest=h.hexdigest())


@app.get("/tls")
def tls():
    import ssl

    context = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
    return jsonify(library=ssl.OPENSSL_VERSION, trusts=len(context.get_ca_certs()) > 0)


@app.get("/time/<path:zone>")
def time_in(zone):
    import zoneinfo

    try:
        info = zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        abort(404)
    then = datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.timezone.utc)
    return jsonify(zone=zone, time=then.astimezone(info).isoformat())


@app.get("/median")
def median():
    import sqlite3

    try:
        numbers = [float(n) for n in request.args.get("of", "").split(",")]
    except ValueError:
        abort(404)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE number (value REAL)")
    db.executemany("INSERT INTO number VALUES (?)", [(n,) for n in numbers])
    (value,) = db.execute("SELECT value FROM number ORDER BY value LIMIT 1 OFFSET ?",
                          (len(numbers) // 2,)).fetchone()
    db.close()
    return jsonify(median=value)


@app.get("/broken")
def broken():
    return render_template("broken.html")


@app.errorhandler(404)
def not_found(_error):
    return render_template("error.html", title="Not found", detail=request.path), 404


@app.errorhandler(500)
def server_error(error):
    cause = type(getattr(error, "original_exception", error)).__name__
    return render_template("error.html", title="Something broke", detail=cause), 500
