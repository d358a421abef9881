// Loaded before a program that a test runs (node --require): what it listens on first is 127.0.0.1 and the port in
// TROUPE_TEST_PORT (0: any that is free), whatever it asked for, and it says so in a line of its own. Most packages
// listen on every interface and cannot say which port they were given.
const net = require('node:net');

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...given) {
  net.Server.prototype.listen = listen;
  const whenListening = given.find(argument => typeof argument === 'function');
  if (whenListening) this.once('listening', whenListening);
  this.once('listening', () => console.log(`\ntest server listens on port ${this.address().port}`));
  return listen.call(this, {host: '127.0.0.1', port: Number(process.env.TROUPE_TEST_PORT)});
};

// Node.js 18, that of Debian 12, has it as a module only; the MCP SDKs take it for given.
globalThis.crypto ??= require('node:crypto').webcrypto;
