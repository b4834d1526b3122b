#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Redfish service on loopback, as good and as bad as BMCs are.

Usage: redfish_server.py PORT_FILE [CERTIFICATE KEY]. Writes its port to PORT_FILE when it serves, and every
request to PORT_FILE.log (connection number and path). Ends when its standard input does.
"""
import base64
import http.server
import json
import os
import ssl
import sys
import threading
import time

V1 = "/redfish/v1"
USER = "Basic " + base64.b64encode(b"monitor:secret word").decode()


def link(path):
    return {"@odata.id": V1 + path}


def chassis(name, **links):
    return {"Id": name, **{key: link(path) for key, path in links.items()}}


DOCUMENTS = {
    "/Chassis": {"Members": [link("/Chassis/env")]},
    # EnvironmentMetrics is newer, and goes before Power.
    "/Chassis/env": chassis("env", EnvironmentMetrics="/Chassis/env/E", Power="/Chassis/power/P"),
    "/Chassis/env/E": {"PowerWatts": {"Reading": 374.5, "ApparentVA": 380}, "EnergykWh": {"Reading": 12.5}},
    "/Chassis/power": chassis("power", EnvironmentMetrics="/Chassis/nowhere", Power="/Chassis/power/P"),
    "/Chassis/power/P": {"PowerControl": [{"PowerConsumedWatts": 214, "PowerCapacityWatts": 800}]},
    "/Chassis/sensors": chassis("sensors", Sensors="/Chassis/sensors/S"),
    "/Chassis/sensors/S": {"Members": [link("/Chassis/sensors/S/fan0"), link("/Chassis/sensors/S/total_power")]},
    "/Chassis/sensors/S/total_power": {
        "ReadingType": "Power", "ReadingUnits": "W", "Reading": 199.25, "SensingInterval": "PT5S"},
    "/Chassis/null": chassis("null", EnvironmentMetrics="/Chassis/null/E"),
    "/Chassis/null/E": {"PowerWatts": {"Reading": None}},
    "/Chassis/text": chassis("text", Power="/Chassis/text/P"),
    "/Chassis/text/P": {"PowerControl": [{"PowerConsumedWatts": "much"}]},
    "/Chassis/none": chassis("none", Power="/Chassis/none/P"),
    "/Chassis/none/P": {"PowerControl": []},
    "/Chassis/away": {"Power": {"@odata.id": "http://192.0.2.1/redfish/v1/steal"},
                      "EnvironmentMetrics": {"@odata.id": "//192.0.2.1/steal"}},
}


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept

    def log_message(self, *args):
        pass

    def reply(self, status, body, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with open(sys.argv[1] + ".log", "a", encoding="utf-8") as log:
            print(self.client_address[1], self.path, file=log)
        path = self.path[len(V1):]
        if self.headers.get("Authorization") != USER:
            self.reply(401, b"{}")
        elif path == "/Chassis/slow":
            time.sleep(20)
            self.close_connection = True
        elif path == "/Chassis/huge":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(4096):
                    self.wfile.write(b'{"x":' + b" " * 65536)
            except OSError:
                pass
            self.close_connection = True
        elif path == "/Chassis/bad":
            self.reply(200, b'{"Power": {"@odata.id": ')
        elif path == "/Chassis/moved":
            self.reply(301, b"", Location="http://192.0.2.1/")
        elif path == "/Chassis/busy":
            self.reply(503, b"{}")
        elif path in DOCUMENTS:
            self.reply(200, json.dumps(DOCUMENTS[path]).encode())
        else:
            self.reply(404, b"{}")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[1] + ".new", "w", encoding="utf-8") as out:
    out.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
