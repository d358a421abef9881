#!/bin/sh
# @modelcontextprotocol/server-everything 2026.8.31, the protocol's own example, over streamable HTTP, node 20.20.2.
#
# To a session that it does not know, as after a restart, it answers 400, with an error that has no `id` at all. The
# protocol (2025-11-25, Streamable HTTP, session management) asks for 404, by which a client knows that it has to open a
# new session, and JSON-RPC 2.0 for an `id` of null where none can be told. A client that waits for the 404 never gets in again.
#
# Seen:
#   known session: 200
#   unknown session: 400 {"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}
#   ended session: 400
. "$(dirname "$0")/common.sh"

# post <session> <method> <params>: the status; the answer in the file answer, its header in head.
post() {
  curl -s -o answer -D head -w '%{http_code}' "http://127.0.0.1:$port/mcp" -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' ${1:+-H "Mcp-Session-Id: $1"} \
    -d "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"$2\", \"params\": $3}"
}
list() { post "$1" tools/list '{}'; }

install @modelcontextprotocol/server-everything@2026.8.31
serve node_modules/@modelcontextprotocol/server-everything/dist/index.js streamableHttp
post '' initialize '{"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "finding", "version": "1"}}' \
  >/dev/null
session=$(sed -n 's/^[Mm]cp-[Ss]ession-[Ii]d: *\([^\r]*\).*/\1/p' head)
expect 'known session' "$(list "$session")" 200
status=$(list 00000000-0000-4000-8000-000000000000)
expect 'unknown session' "$status $(cat answer)" \
  '400 {"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}'
curl -s -o answer -X DELETE "http://127.0.0.1:$port/mcp" -H "Mcp-Session-Id: $session"
expect 'ended session' "$(list "$session")" 400
exit $changed
