"""A protoc plugin around grpcio-tools' own protoc, so that buf drives its built-in generators.

The plugin's option names the generator: ``python`` or ``grpc_python``, which exist only inside that protoc.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet


def generate(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """What the generator makes of the asked-for files."""
    asked = set(request.file_to_generate)
    services = request.parameter == "grpc_python"  # makes an empty module of a file without a service: not wanted
    names = [file.name for file in request.proto_file if file.name in asked and (file.service or not services)]
    for file in request.proto_file:
        clear_json_names(file.message_type)
    with tempfile.TemporaryDirectory() as folder:
        image, out = Path(folder, "image.binpb"), Path(folder, "out")
        image.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out.mkdir()
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={image}"]
        subprocess.run([*protoc, f"--{request.parameter}_out={out}", *names], check=True)
        return CodeGeneratorResponse(
            supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL,
            file=[
                CodeGeneratorResponse.File(name=path.relative_to(out).as_posix(), content=path.read_text("utf-8"))
                for path in sorted(out.rglob("*.py"))
            ],
        )


def clear_json_names(messages: Iterable[DescriptorProto]) -> None:
    """A plugin's request spells out every default JSON name; protoc keeps those out of the modules that it writes."""
    for message in messages:
        for field in message.field:
            head, *tail = field.name.split("_")
            if field.json_name == head + "".join(part.capitalize() for part in tail):
                field.ClearField("json_name")
        clear_json_names(message.nested_type)


if __name__ == "__main__":
    sys.stdout.buffer.write(generate(CodeGeneratorRequest.FromString(sys.stdin.buffer.read())).SerializeToString())
