#!/bin/sh
# @modelcontextprotocol/sdk 1.32.2 (in server-everything 2026.8.31) and @modelcontextprotocol/node 2.1.2, node 20.20.2.
#
# Their HTTP transports look for two words in the Accept of a POST, letter by letter. A request with
# `Accept: Application/JSON, Text/Event-Stream` says the same (RFC 9110, 8.3.1: types are case-insensitive) and is refused
# with 406, and so is `*/*` (the protocol asks for both to be listed); `application/json;q=0, text/event-stream`, which
# refuses the one, passes. The Content-Type of the same request may be written in any case.
#
# Seen, of both:
#   application/json, text/event-stream: 200
#   Application/JSON, Text/Event-Stream: 406
#   */*: 406
#   application/json;q=0, text/event-stream: 200
#   Content-Type Application/JSON: 200
. "$(dirname "$0")/common.sh"

cat >server.mjs <<'END'
import {NodeStreamableHTTPServerTransport} from '@modelcontextprotocol/node';
import {McpServer} from '@modelcontextprotocol/server';
import http from 'node:http';
http.createServer(async (request, response) => {
  const transport = new NodeStreamableHTTPServerTransport({sessionIdGenerator: () => crypto.randomUUID()});
  await new McpServer({name: 'plain', version: '1.0.0'}).connect(transport);
  await transport.handleRequest(request, response);
}).listen(0);
END

# status <Accept> [Content-Type]: that of the answer to a POST.
status() {
  curl -s -o answer -w '%{http_code}' "http://127.0.0.1:$port/mcp" -H "Accept: $1" \
    -H "Content-Type: ${2:-application/json}" -d '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
      {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "finding", "version": "1"}}}'
}
try() {
  expect "$1: application/json, text/event-stream" "$(status 'application/json, text/event-stream')" 200
  expect "$1: Application/JSON, Text/Event-Stream" "$(status 'Application/JSON, Text/Event-Stream')" 406
  expect "$1: */*" "$(status '*/*')" 406
  expect "$1: application/json;q=0, text/event-stream" "$(status 'application/json;q=0, text/event-stream')" 200
  expect "$1: Content-Type Application/JSON" \
    "$(status 'application/json, text/event-stream' Application/JSON)" 200
}

install @modelcontextprotocol/server-everything@2026.8.31 @modelcontextprotocol/sdk@1.32.2 \
  @modelcontextprotocol/server@2.4.0 @modelcontextprotocol/node@2.1.2
serve node_modules/@modelcontextprotocol/server-everything/dist/index.js streamableHttp
try 'sdk 1.32.2'
serve server.mjs
try 'node 2.1.2'
exit $changed
