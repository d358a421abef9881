#!/bin/sh
# supergateway 4.0.0 --stateful around a stdio server of @modelcontextprotocol/sdk 1.32.2, node 20.20.2.
#
# It is of two minds about revision 2026-07-28. `server/discover`, with which a client finds out whether a server speaks it,
# is 404 with -32601; a client that goes by that opens a session and has one process for all of it. `tools/call` with the
# headers and `_meta` of that revision is answered with 200 nevertheless, each by a process of its own in spite of
# --stateful, and without the `resultType` that the revision asks for.
#
# Seen:
#   server/discover, 2026-07-28: 404 -32601
#   tools/call, 2026-07-28: 200 without resultType
#   two of these: two processes
#   two in one session, 2025-11-25: one process
. "$(dirname "$0")/common.sh"

cat >pid.mjs <<'END'
import {McpServer} from '@modelcontextprotocol/sdk/server/mcp.js';
import {StdioServerTransport} from '@modelcontextprotocol/sdk/server/stdio.js';
const server = new McpServer({name: 'pid', version: '1.0.0'});
server.registerTool('pid', {description: 'Says who it is.'}, () => ({content: [{type: 'text', text: `pid ${process.pid}`}]}));
await server.connect(new StdioServerTransport());
END

# post <method> <params> [header…]: writes the answer's body, returns its status.
post() {
  rpc="{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"$1\", \"params\": $2}"
  shift 2
  curl -s -o answer -D head -w '%{http_code}' "http://127.0.0.1:$port/mcp" -d "$rpc" -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' "$@"
}
meta='"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}'
modern() { post "$1" "{$2$meta}" -H 'MCP-Protocol-Version: 2026-07-28' -H "Mcp-Method: $1" -H 'Mcp-Name: pid'; }
in_session() { post "$1" "$2" -H "Mcp-Session-Id: $session" -H 'MCP-Protocol-Version: 2025-11-25'; }
processes() { case $1 in "$2") echo one process ;; *) echo two processes ;; esac; }
who() { grep -o 'pid [0-9]*' answer; }

install supergateway@4.0.0 @modelcontextprotocol/sdk@1.32.2
serve node_modules/supergateway/dist/index.js --stdio 'node pid.mjs' --outputTransport streamableHttp --stateful
expect 'server/discover, 2026-07-28' "$(modern server/discover '') $(grep -o '\-326[0-9]*' answer)" '404 -32601'
status=$(modern tools/call '"name": "pid", "arguments": {}, ')
first=$(who)
expect 'tools/call, 2026-07-28' "$status $(grep -q resultType answer && echo with || echo without) resultType" \
  '200 without resultType'
modern tools/call '"name": "pid", "arguments": {}, ' >/dev/null
expect 'two of these' "$(processes "$first" "$(who)")" 'two processes'

post initialize '{"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "finding", "version": "1"}}' \
  >/dev/null
session=$(sed -n 's/^[Mm]cp-[Ss]ession-[Ii]d: *\([^\r]*\).*/\1/p' head)
in_session tools/call '{"name": "pid", "arguments": {}}' >/dev/null
first=$(who)
in_session tools/call '{"name": "pid", "arguments": {}}' >/dev/null
expect 'two in one session, 2025-11-25' "$(processes "$first" "$(who)")" 'one process'
exit $changed
