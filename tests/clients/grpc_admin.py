"""RouterAdmin, health and reflection on the operators' listener, asked by gRPC's own Python client.

  /usr/bin/python3 tests/clients/grpc_admin.py <host:port>

Exits with 1 and the first thing that is not as it should be.
"""
import json
import sys

import grpc
from grpc_messages import message

ADDRESS = sys.argv[1]
DOCUMENT = {"providers": [{"id": "x", "weight": 1}, {"id": "y", "weight": 3}]}


channel = grpc.insecure_channel(ADDRESS)


def admin(method, request=None, response=None, **fields):
    """The reply, or the status code and its text."""
    request = message("beamline.flow.v1." + (request or method + "Request"))
    response = message("beamline.flow.v1." + (response or method + "Response"))
    call = channel.unary_unary(f"/beamline.flow.v1.RouterAdmin/{method}",
                               request_serializer=lambda m: m.SerializeToString(),
                               response_deserializer=response.FromString)
    try:
        return call(request(**fields), timeout=10)
    except grpc.RpcError as error:
        return error.code(), error.details()


def expect(holds, what, shown):
    if not holds:
        sys.exit(f"{what}: {shown}")


def expect_code(reply, code, text=""):
    expect(isinstance(reply, tuple) and reply[0] == code and text in reply[1], f"{code} {text}", reply)


def policies():
    body = json.dumps(DOCUMENT).encode()
    put = {"tenant_id": "acme", "policy": {"policy_id": "p", "document": body}}
    first = admin("UpsertPolicy", **put, if_revision=-1)
    expect(first.ok and first.revision > 0, "a policy is created", first)
    expect_code(admin("UpsertPolicy", **put, if_revision=-1), grpc.StatusCode.ABORTED, f"revision {first.revision}")
    expect_code(admin("UpsertPolicy", **put, if_revision=first.revision + 7), grpc.StatusCode.ABORTED)
    second = admin("UpsertPolicy", **put, if_revision=first.revision)
    expect(second.ok and second.revision > first.revision, "it is replaced", second)
    bad = {"policy_id": "p", "document": b'{"providers": 5}'}
    expect_code(admin("UpsertPolicy", tenant_id="acme", policy=bad), grpc.StatusCode.INVALID_ARGUMENT, "providers: must be a list")
    expect_code(admin("UpsertPolicy", tenant_id="acme", policy={"policy_id": "p"}), grpc.StatusCode.INVALID_ARGUMENT, "document")
    expect_code(admin("UpsertPolicy", tenant_id="no such/tenant", policy=bad), grpc.StatusCode.INVALID_ARGUMENT, "tenant")
    got = admin("GetPolicy", tenant_id="acme", policy_id="p").policy
    expect(json.loads(got.document) == DOCUMENT and got.revision == second.revision and got.source == "store",
           "it is read whole", got)
    again = admin("UpsertPolicy", tenant_id="acme", policy={"policy_id": "p", "document": got.document})
    expect(again.ok, "what was read can be written", again)
    listed = admin("ListPolicies", request="ListPoliciesRequest", response="ListPoliciesResponse")
    expect(sorted((p.tenant_id, p.policy_id) for p in listed.policies) == [("acme", "p"), ("demo", "default")],
           "all are listed", listed)
    one = admin("ListPolicies", request="ListPoliciesRequest", response="ListPoliciesResponse", tenant_id="demo")
    expect([p.tenant_id for p in one.policies] == ["demo"], "those of a tenant are listed", one)
    tried = admin("DryRunPipeline", tenant_id="acme", policy_id="p", payload=b'{"message_type":"chat"}')
    expect(tried.ok and tried.result.decision.provider_id in ("x", "y"), "a dry run decides", tried)
    complexity = admin("GetPipelineComplexity", tenant_id="acme", policy_id="p")
    expect(complexity.complexity_level == "low" and complexity.recommended_limits.max_total == 4, "complexity", complexity)
    expect(not admin("GetExtensionHealth").health and not admin("GetCircuitBreakerStates").states, "no extensions", "")
    gone = {"tenant_id": "acme", "policy_id": "p"}
    expect_code(admin("DeletePolicy", **gone, if_revision=first.revision), grpc.StatusCode.ABORTED)
    expect(admin("DeletePolicy", **gone, if_revision=again.revision).ok, "it is deleted", "")
    expect_code(admin("GetPolicy", **gone), grpc.StatusCode.NOT_FOUND)
    expect_code(admin("DeletePolicy", **gone), grpc.StatusCode.NOT_FOUND)
    expect_code(admin("DeletePolicy", tenant_id="demo", policy_id="default"), grpc.StatusCode.PERMISSION_DENIED, "file")


def services():
    check = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=lambda m: m.SerializeToString(),
                                response_deserializer=message("grpc.health.v1.HealthCheckResponse").FromString)
    ask = message("grpc.health.v1.HealthCheckRequest")
    expect(check(ask()).status == 1 and check(ask(service="beamline.flow.v1.RouterAdmin")).status == 1, "health", "")
    question = message("grpc.reflection.v1.ServerReflectionRequest")
    reflect = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                    request_serializer=lambda m: m.SerializeToString(),
                                    response_deserializer=message("grpc.reflection.v1.ServerReflectionResponse").FromString)
    names = [service.name for reply in reflect(iter([question(list_services="")]))
             for service in reply.list_services_response.service]
    expect("beamline.flow.v1.RouterAdmin" in names and "beamline.flow.v1.Router" not in names, "services", names)
    expect_code(admin("NoSuchMethod", request="GetPolicyRequest", response="GetPolicyResponse"), grpc.StatusCode.UNIMPLEMENTED)


policies()
services()
print("ok")
