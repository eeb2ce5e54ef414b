"""Router, health and reflection on the callers' listener, asked by gRPC's own Python client.

  /usr/bin/python3 tests/clients/grpc_router.py <host:port>

Exits with 1 and the first thing that is not as it should be.
"""
import sys

import grpc
from grpc_messages import message

channel = grpc.insecure_channel(sys.argv[1])
RouteRequest, RouteDecision, Message = (message("beamline.flow.v1." + name) for name in ("RouteRequest", "RouteDecision", "Message"))
decide = channel.unary_unary("/beamline.flow.v1.Router/Decide", request_serializer=lambda m: m.SerializeToString(),
                             response_deserializer=RouteDecision.FromString)


def expect(holds, what, shown=""):
    if not holds:
        sys.exit(f"{what}: {shown}")


def request(payload=b"{}", tenant="demo", **fields):
    return RouteRequest(message=Message(tenant_id=tenant, message_type="chat", payload=payload), **fields)


def code_of(call):
    try:
        call()
        return None, ""
    except grpc.RpcError as error:
        return error.code(), error.details()


def decisions():
    reply = decide(request(request_id="r-1"), timeout=10)
    expect(reply.provider_id and reply.reason == "weighted" and reply.request_id == "r-1" and reply.policy_id == "default", "a decision", reply)
    large = decide(request(b"x" * 900_000), timeout=10)
    expect(large.provider_id, "900 kB are taken", large)
    code, text = code_of(lambda: decide(request(b"x" * 1_100_000), timeout=10))
    expect(code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED), "1.1 MB are refused", (code, text))
    expect(decide(request(), timeout=10).provider_id, "and the channel goes on")
    zipped = decide(request(b'{"text": "' + b"a" * 100_000 + b'"}'), timeout=10, compression=grpc.Compression.Gzip)
    expect(zipped.provider_id, "gzip is read", zipped)
    code, text = code_of(lambda: decide(request(policy_id="none"), timeout=10))
    expect(code == grpc.StatusCode.NOT_FOUND and "none" in text, "an unknown policy", (code, text))


def deadlines():
    code, _ = code_of(lambda: decide(request(), timeout=-1))
    expect(code == grpc.StatusCode.DEADLINE_EXCEEDED, "a deadline that has passed", code)
    call = decide.future(request(b"x" * 500_000), timeout=10)
    call.cancel()
    expect(call.cancelled() or call.done(), "a cancelled call is over")
    expect(decide(request(), timeout=10).provider_id, "and the channel goes on")


def metadata():
    agreed = decide(request(), timeout=10, metadata=(("x-tenant-id", "demo"),))
    expect(agreed.provider_id, "a tenant in both places", agreed)
    code, text = code_of(lambda: decide(request(), timeout=10, metadata=(("x-tenant-id", "other"),)))
    expect(code == grpc.StatusCode.PERMISSION_DENIED, "tenants that disagree", (code, text))
    alone, call = decide.with_call(request(tenant=""), timeout=10, metadata=(
        ("x-tenant-id", "demo"), ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")))
    expect(alone.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736", "the trace is taken up", alone)
    sent = dict(call.initial_metadata()).get("traceparent", "")
    expect("4bf92f3577b34da6a3ce929d0e0e4736" in sent and "00f067aa0ba902b7" not in sent, "and handed on", sent)


def many():
    calls = [decide.future(request(request_id=f"r-{i}"), timeout=30) for i in range(1000)]
    for i, call in enumerate(calls):
        expect(call.result().request_id == f"r-{i}", "each call gets its own answer", i)


def services():
    ask = message("grpc.health.v1.HealthCheckRequest")
    answer = message("grpc.health.v1.HealthCheckResponse").FromString
    check = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer)
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer)
    expect(check(ask(service="beamline.flow.v1.Router")).status == 1, "health of the router")
    expect(code_of(lambda: check(ask(service="nobody")))[0] == grpc.StatusCode.NOT_FOUND, "health of nobody")
    seen = watch(ask(service="nobody"))
    expect(next(seen).status == 3, "a watch of nobody says so and goes on")
    seen.cancel()
    for version in ("v1", "v1alpha"):
        question = message(f"grpc.reflection.{version}.ServerReflectionRequest")
        reflect = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                                        request_serializer=lambda m: m.SerializeToString(),
                                        response_deserializer=message(f"grpc.reflection.{version}.ServerReflectionResponse").FromString)
        listed, file, unknown = reflect(iter([question(list_services=""), question(file_containing_symbol="beamline.flow.v1.Router"),
                                              question(file_containing_symbol="no.such.Thing")]))
        names = [service.name for service in listed.list_services_response.service]
        expect("beamline.flow.v1.Router" in names and "beamline.flow.v1.RouterAdmin" not in names, "services", names)
        expect(b"RouteDecision" in file.file_descriptor_response.file_descriptor_proto[0], "the file", file)
        expect(unknown.error_response.error_code == 5, "no such symbol", unknown)


def watch_until_stop():
    """Says that it watches, then waits for the router to be stopped: it says so before it goes."""
    ask = message("grpc.health.v1.HealthCheckRequest")
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=lambda m: m.SerializeToString(),
                                 response_deserializer=message("grpc.health.v1.HealthCheckResponse").FromString)
    seen = watch(ask(), timeout=20)
    expect(next(seen).status == 1, "serving")
    print("watching", flush=True)
    expect(next(seen).status == 2, "not serving any more")
    code, _ = code_of(lambda: next(seen))
    expect(code == grpc.StatusCode.UNAVAILABLE, "and the watch ends", code)


decisions()
deadlines()
metadata()
many()
services()
watch_until_stop()
print("ok")
