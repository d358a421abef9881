// An MCP server of fastmcp. Tools: echo, slow, and grow, which adds the tool `grown`.
import {FastMCP} from 'fastmcp';
import {setTimeout as sleep} from 'node:timers/promises';
import {z} from 'zod';

const server = new FastMCP({name: 'troupe-test', version: '1.0.0'});
server.addTool({name: 'echo', description: 'Says it again.', parameters: z.object({text: z.string()}),
  execute: async given => `echo: ${given.text}`});
server.addTool({name: 'slow', description: 'Takes its time.', parameters: z.object({ms: z.number()}),
  execute: async given => { await sleep(given.ms); return 'slowly done'; }});
server.addTool({name: 'grow', description: 'Adds a tool.', parameters: z.object({}), execute: async () => {
  server.addTool({name: 'grown', description: 'Was added.', parameters: z.object({}), execute: async () => 'grown at run time'});
  return 'has grown';
}});
await server.start({transportType: 'httpStream', httpStream: {host: '127.0.0.1', port: 8080, endpoint: '/mcp'}});
