#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a client sees of SPEC's PTDaemon, on loopback: the answers that its public clients expect.

Usage: ptd_server.py PORT_FILE [MODE]. A sample every 100 ms: 200 W, 201 W ... MODE: busy, temperature,
stranger (another protocol), silent, dies (after 5 samples), mute (no value: -1). Every command that comes is
written to PORT_FILE.log. Ends when its standard input does.
"""
import os
import socket
import sys
import threading
import time

MODE = sys.argv[2] if len(sys.argv) > 2 else ""
IDENTITY = ("SPECpower's Dummy Analyzer,100,1,1,1,1,0,1,0,version=1.9.1-a2d19f26-20190717,OS=Linux,"
            f"mode={'temperature' if MODE == 'temperature' else 'power'},1,1,1,0,0,no_cal_date,na")


def serve(connection):
    lines = connection.makefile("r", encoding="ascii", newline="\r\n")
    started, read, log = None, 0, open(sys.argv[1] + ".log", "a", encoding="ascii")

    def say(text):
        connection.sendall(text.encode() + b"\r\n")

    for line in lines:
        command = line.strip()
        print(command, file=log, flush=True)
        if MODE == "silent":
            continue
        if MODE == "stranger":
            say("220 mail ready")
        elif command == "Hello":
            say("Hello, PTDaemon here!")
        elif command == "Identify":
            say(IDENTITY)
        elif command.startswith("Go,"):
            started = time.monotonic()
            say("Meter busy" if MODE == "busy" else
                "Starting untimed measurement, maximum 500000 samples at 100ms with 0 rampup samples")
        elif command == "RL" and started is not None:
            while int((time.monotonic() - started) / 0.1) <= read:
                time.sleep(0.01)
            newest = int((time.monotonic() - started) / 0.1)
            say(f"Last {newest - read} samples")
            for i in range(read, newest):
                watts = -1 if MODE == "mute" else 200 + i
                say(f"Time,11-13-2020 22:38:59.240,Watts,{watts:.6f},Volts,230.0,Amps,1.0,PF,0.9,Mark,notset")
            read = newest
            if MODE == "dies" and read >= 5:
                connection.close()
                return
        elif command == "Stop":
            say("Stopping untimed measurement")
        else:
            say("Unknown command")


def accept():
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1] + ".new", "w", encoding="ascii") as out:
    out.write(str(listener.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
