"""The messages of proto/, for tests: message("beamline.flow.v1.RouteRequest") is a class."""
import os
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load_messages():
    proto = os.path.join(ROOT, "proto")
    files = [os.path.relpath(os.path.join(folder, name), proto)
             for folder, _, names in os.walk(proto) for name in names if name.endswith(".proto")]
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", "-I", proto, f"--descriptor_set_out={out.name}", "--include_imports", *files],
                       check=True, cwd=proto)
        descriptors = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


message = load_messages()
