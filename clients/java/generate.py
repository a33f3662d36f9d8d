"""Writes the Java client's methods, one for each rpc of protos/: ``generate.py OUT``."""

import re
import sys
from pathlib import Path

PROTOS = Path(__file__).parents[2] / "protos/firstlight/v1"
RPC = re.compile(r"((?:^  // .*\n)+)^  rpc (\w+)\((\w+)\) returns \((\w+)\);", re.MULTILINE)  # a stream is not unary
HEAD = """\
// Generated from protos/ by generate.py: not to be edited.
package dev.firstlight.client;

import dev.firstlight.v1.*;
import io.grpc.MethodDescriptor;
import java.util.List;
import java.util.function.Function;

/** One method for each unary rpc of the contract, and for each list one that goes over all its pages. */
abstract class Calls {
    abstract <Q, R> R call(MethodDescriptor<Q, R> method, Q request);

    abstract <R, T> Iterable<T> pages(
            Function<String, R> fetch, Function<R, List<T>> entries, Function<R, String> nextToken);
"""
UNARY = """
    /** {comment} */
    public {response} {name}({request} request) {{
        return call({service}Grpc.get{rpc}Method(), request);
    }}
"""
LIST = """
    /** {comment} {{@code pageSize}} are fetched at a time, 0 for the server's choice. */
    public Iterable<{element}> {name}(int pageSize) {{
        var request = {request}.newBuilder().setPageSize(pageSize).build();
        return pages(
                token -> {name}(request.toBuilder().setPageToken(token).build()),
                {response}::get{elements}List,
                {response}::getNextPageToken);
    }}
"""


def calls() -> str:
    """The class, as Java."""
    text = HEAD
    for file in sorted(PROTOS.glob("*_service.proto")):
        proto = file.read_text("utf-8")
        (service,) = re.findall(r"^service (\w+)", proto, re.MULTILINE)
        for comment, rpc, request, response in RPC.findall(proto):
            said = re.sub(r"\s*// ", " ", comment).strip()
            fields = {
                "comment": said,
                "service": service,
                "rpc": rpc,
                "name": rpc[0].lower() + rpc[1:],
                "request": request,
                "response": response,
            }
            text += UNARY.format(**fields)
            if rpc.startswith("List"):
                body = proto.partition(f"message {response} {{")[2]
                element, elements = re.findall(r"^  repeated (\w+) (\w+) =", body, re.MULTILINE)[0]
                text += LIST.format(**fields, element=element, elements=elements.title().replace("_", ""))
    return text + "}\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(calls(), "utf-8")
