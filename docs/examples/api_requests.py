"""A client in Python with requests. RESCUE_API_URL leads it to the emulator, else it calls the vendor."""

import os

import requests

URL = os.environ.get("RESCUE_API_URL", "https://secure.logmeinrescue.com/API")
EMAIL, PASSWORD = os.environ["RESCUE_API_EMAIL"], os.environ["RESCUE_API_PASSWORD"]

with requests.Session() as client:  # it keeps the cookie
    assert client.get(f"{URL}/login.aspx", params={"email": EMAIL, "pwd": PASSWORD}).text == "OK"
    account = client.get(f"{URL}/getAccount.aspx").text
    number = dict(line.split(":", 1) for line in account.split("\n\n")[1].splitlines())["AccountID"]
    body = client.get(f"{URL}/getSession_v3.aspx", params={"node": number}).text

word, _, table = body.partition("\n\n")
assert word == "OK", body
header, *rows = (line.split("|") for line in table.splitlines())
for row in rows:
    session = dict(zip(header, row, strict=False))
    print(session["ID"], session["Custom Field 0"], session["Status"])
