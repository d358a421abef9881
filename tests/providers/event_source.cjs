// Follows a URL with a real EventSource and writes what happens, one JSON object a line:
//   {"state": "open"}  {"id", "type", "data"}  {"state": "lost"}  {"state": "closed", "status"}
// "lost" comes back by itself, "closed" never does. It ends with the event that ends a run.
// Arguments: the folder of node_modules, the URL, the types of events.
const { createRequire } = require('node:module');
const [folder, url, ...types] = process.argv.slice(2);
const { EventSource } = createRequire(folder + '/')('eventsource');

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const source = new EventSource(url);
source.onopen = () => say({ state: 'open' });
source.onerror = (error) =>
  say(source.readyState === EventSource.CLOSED ? { state: 'closed', status: error.code ?? 0 } : { state: 'lost' });
for (const type of types)
  source.addEventListener(type, (event) => {
    say({ id: event.lastEventId, type, data: JSON.parse(event.data) });
    if (['task:completed', 'task:failed', 'task:cancelled'].includes(type)) {
      source.close();
      say({ state: 'finished' });
    }
  });
