#!/bin/sh
# fastmcp 4.20.16 over streamable HTTP, node 20.20.2.
#
# It says that its list of tools never changes, and tells when it does. The answer to `initialize` has `tools: {}`, without
# the `listChanged: true` that a server which tells of changes must declare; when a tool is added at run time,
# `notifications/tools/list_changed` comes on the stream of a GET nevertheless. A client that opens this stream only for
# servers which announce something to hear keeps its old list.
#
# Seen:
#   declared: "tools":{}
#   heard: notifications/tools/list_changed
#   listed afterwards: added
. "$(dirname "$0")/common.sh"

cat >server.mjs <<'END'
import {FastMCP} from 'fastmcp';
import {z} from 'zod';
const server = new FastMCP({name: 'grows', version: '1.0.0'});
const tool = (name, execute) => server.addTool({name, description: 'A tool.', parameters: z.object({}), execute});
tool('grow', async () => { tool('added', async () => 'I was added.'); return 'It has grown.'; });
await server.start({transportType: 'httpStream', httpStream: {port: 8080}});
END

# post <method> <params> [header…]: the answer, and its header in the file head.
post() {
  rpc="{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"$1\", \"params\": $2}"
  shift 2
  curl -s -D head "http://127.0.0.1:$port/mcp" -d "$rpc" -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' "$@"
}
in_session() { "$@" -H "Mcp-Session-Id: $session" -H 'MCP-Protocol-Version: 2025-11-25'; }

install fastmcp@4.20.16 zod@4.6.7
serve server.mjs
declared=$(post initialize \
  '{"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "finding", "version": "1"}}')
expect declared "$(echo "$declared" | grep -o '"tools":{[^}]*}')" '"tools":{}'
session=$(sed -n 's/^[Mm]cp-[Ss]ession-[Ii]d: *\([^\r]*\).*/\1/p' head)
in_session curl -s "http://127.0.0.1:$port/mcp" -d '{"jsonrpc": "2.0", "method": "notifications/initialized"}' \
  -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream'
in_session curl -sN -m 5 "http://127.0.0.1:$port/mcp" -H 'Accept: text/event-stream' >heard &
sleep 1
in_session post tools/call '{"name": "grow", "arguments": {}}' >/dev/null
wait $! || true
expect heard "$(grep -o 'notifications/[a-z_/]*' heard | sort -u)" notifications/tools/list_changed
expect 'listed afterwards' "$(in_session post tools/list '{}' | grep -o '"name":"added"' | cut -d'"' -f4)" added
exit $changed
