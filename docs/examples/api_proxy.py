"""A client that has the vendor's host fixed. HTTPS_PROXY and REQUESTS_CA_BUNDLE lead it to the emulator."""

import os

import requests

URL = "https://secure.logmeinrescue.com/API"
EMAIL, PASSWORD = os.environ["RESCUE_API_EMAIL"], os.environ["RESCUE_API_PASSWORD"]

answer = requests.post(f"{URL}/requestAuthCode.aspx", data={"email": EMAIL, "pwd": PASSWORD}).text
code = answer.removeprefix("OK\n\nAUTHCODE:")
print(requests.get(f"{URL}/getHierarchy.aspx", params={"authcode": code}).text)
