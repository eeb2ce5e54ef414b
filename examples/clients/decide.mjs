// Asks a router for a decision from Node: over HTTP with fetch, and over gRPC.
//
//   npm ci
//   node decide.mjs [host:port]       127.0.0.1:9000
//
// Exits with 1 if the router refuses or does not answer.
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const address = process.argv[2] ?? '127.0.0.1:9000';
const proto = process.env.PROTO_PATH ?? fileURLToPath(new URL('../../proto', import.meta.url));

async function overHttp() {
  const response = await fetch(`http://${address}/api/v1/routes/decide`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ tenant_id: 'demo', task: { type: 'chat', payload: { text: 'hello' } } }),
    signal: AbortSignal.timeout(5000),
  });
  const reply = await response.json();
  if (!reply.ok) throw new Error(`${response.status} ${reply.error.code}: ${reply.error.message}`);
  return reply.decision;
}

function overGrpc() {
  const { beamline } = grpc.loadPackageDefinition(
    loader.loadSync('beamline/flow/v1/flow.proto', { includeDirs: [proto], keepCase: true, longs: Number }));
  const client = new beamline.flow.v1.Router(address, grpc.credentials.createInsecure());
  const request = { message: { tenant_id: 'demo', message_type: 'chat', payload: Buffer.from('{"text": "hello"}') } };
  return new Promise((resolve, reject) => {
    client.Decide(request, { deadline: Date.now() + 5000 }, (error, decision) => {
      client.close();
      if (error) reject(new Error(`${grpc.status[error.code]}: ${error.details}`));
      else resolve(decision);
    });
  });
}

try {
  for (const [way, ask] of [['HTTP', overHttp], ['gRPC', overGrpc]]) {
    const decision = await ask();
    console.log(`${way}: ${decision.provider_id} (${decision.reason}), decision ${decision.decision_id}`);
  }
} catch (error) {
  console.error(`decide.mjs: ${address}: ${error.message}${error.cause ? `: ${error.cause.message}` : ''}`);
  process.exitCode = 1;
}
