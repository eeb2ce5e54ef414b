#!/usr/bin/env python3
"""Asks a router for a decision from Python: over HTTP with the standard library, and over gRPC.

  protoc -I ../../proto --python_out=. beamline/flow/v1/flow.proto
  python3 decide.py [host:port]       127.0.0.1:9000

Needs grpcio and protobuf (Debian: python3-grpcio python3-protobuf protobuf-compiler). Exits with 1 if the
router refuses or does not answer.
"""
import json
import sys
import urllib.error
import urllib.request

import grpc
from beamline.flow.v1 import flow_pb2

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9000"


def over_http():
    body = {"tenant_id": "demo", "task": {"type": "chat", "payload": {"text": "hello"}}}
    request = urllib.request.Request(f"http://{ADDRESS}/api/v1/routes/decide", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)["decision"]


def over_grpc():
    with grpc.insecure_channel(ADDRESS) as channel:
        decide = channel.unary_unary("/beamline.flow.v1.Router/Decide", request_serializer=flow_pb2.RouteRequest.SerializeToString,
                                     response_deserializer=flow_pb2.RouteDecision.FromString)
        message = flow_pb2.Message(tenant_id="demo", message_type="chat", payload=b'{"text": "hello"}')
        decision = decide(flow_pb2.RouteRequest(message=message), timeout=5)
        return {"provider_id": decision.provider_id, "reason": decision.reason, "decision_id": decision.decision_id}


try:
    for way, ask in (("HTTP", over_http), ("gRPC", over_grpc)):
        found = ask()
        print(f"{way}: {found['provider_id']} ({found['reason']}), decision {found['decision_id']}")
except urllib.error.HTTPError as error:
    sys.exit(f"decide.py: {ADDRESS}: {error.code} {error.read().decode()}")
except grpc.RpcError as error:
    sys.exit(f"decide.py: {ADDRESS}: {error.code().name}: {error.details()}")
except OSError as error:
    sys.exit(f"decide.py: {ADDRESS}: {error}")
