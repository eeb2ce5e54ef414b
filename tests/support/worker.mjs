// A worker that we did not write: the official Node client takes assignments and reports results.
import { AckPolicy, headers as natsHeaders } from 'nats';
import { codec } from './stack.mjs';

export class Worker {
  // `work(job, assignment)` gives the members of the result, null for no result at all, or a list of them.
  static async start(client, work, { durable = 'workers', stream = 'BL_ASSIGNMENTS', ackWaitMs = 30000 } = {}) {
    const worker = new Worker();
    worker.client = client;
    worker.work = work;
    worker.assignments = [];
    worker.failed = 0;
    const manager = await client.jetstreamManager();
    await manager.consumers.add(stream, { durable_name: durable, ack_policy: AckPolicy.Explicit, ack_wait: ackWaitMs * 1e6 });
    worker.over = worker.take(await client.jetstream().consumers.get(stream, durable));
    return worker;
  }

  async take(consumer) {
    this.messages = await consumer.consume({ max_messages: 100 });
    for await (const message of this.messages) {
      const assignment = codec.decode(message.data);
      this.assignments.push(assignment);
      try {
        const found = await this.work(assignment.job, assignment);
        for (const result of found === null ? [] : [found].flat()) await this.report(assignment, result);
        message.ack();
      } catch { // the broker is away: the assignment comes again
        this.failed++;
      }
    }
  }

  report(assignment, members, subject = 'caf.exec.result.v1') {
    const headers = natsHeaders();
    headers.set('tenant_id', assignment.tenant_id);
    const body = typeof members === 'string' ? members : JSON.stringify({ assignment_id: assignment.assignment_id, ...members });
    return this.client.jetstream().publish(subject, new TextEncoder().encode(body), { headers });
  }

  async stop() {
    await this.messages?.close();
    await this.over;
  }
}

// All messages of a stream, in order.
export async function messagesOf(client, stream) {
  const manager = await client.jetstreamManager();
  const { state } = await manager.streams.info(stream);
  const found = [];
  for (let sequence = state.first_seq; state.messages > 0 && sequence <= state.last_seq; sequence++) {
    const stored = await manager.streams.getMessage(stream, { seq: sequence }).catch(() => null);
    if (stored) found.push({ subject: stored.subject, sequence, body: codec.decode(stored.data) });
  }
  return found;
}
