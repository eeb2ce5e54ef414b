// Our JSON reader against JSON.parse: the same texts are accepted, and mean the same.
//
// JSON.parse accepts four things that we refuse, and each is recognised here by itself: duplicate
// keys, escapes of half a surrogate pair, numbers beyond a double, and it never sees bytes that are
// not UTF-8. Random documents and mutations of them come from a seed that is printed; run one again
// with BL_TEST_SEED.
'use strict';

const { test } = require('node:test');
const assert = require('node:assert');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const root = path.join(__dirname, '..', '..', '..');
const buildFolder = process.env.BL_BUILD_DIR ?? path.join(root, 'build', 'release');
const program = path.join(buildFolder, 'tests', 'support', 'json_echo');
const seed = Number(process.env.BL_TEST_SEED ?? 20261123) >>> 0;

// mulberry32: 32 bits of state, and every seed gives another sequence.
function generator(state) {
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (bound) => Math.floor(next() * bound), unit: next };
}

function pick(random, list) {
  return list[random.below(list.length)];
}

function randomString(random) {
  let text = '';
  for (let left = random.below(random.below(4) === 0 ? 40 : 8); left > 0; left--) {
    switch (random.below(6)) {
      case 0: text += pick(random, ['"', '\\', '/', '\b', '\f', '\n', '\r', '\t', '\0', '\x7f']); break;
      case 1: text += String.fromCodePoint(0x80 + random.below(0xd000)); break;
      case 2: text += String.fromCodePoint(0x10000 + random.below(0x100000)); break;
      default: text += String.fromCharCode(0x20 + random.below(95));
    }
  }
  return text;
}

// A string as JSON text, with escapes where none are needed.
function stringText(random, value) {
  return JSON.stringify(value).replace(/[a-z/]/g, (c, at, all) => {
    if (all[at - 1] === '\\' || /\\u[0-9a-f]{0,3}$/.test(all.slice(0, at)) || random.below(12) > 0) return c;
    return c === '/' && random.below(2) === 0 ? '\\/' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function numberText(random) {
  const digits = (count) => Array.from({ length: count }, () => random.below(10)).join('');
  switch (random.below(6)) {
    case 0: return String(random.below(1000));
    case 1: return pick(random, ['0', '-0', '-0.0', '0e0', '1e308', '1e309', '5e-324', '1e-400', '9223372036854775807',
      '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '18446744073709551615',
      '18446744073709551616', '1.7976931348623157e308', '9007199254740993', '0.1', '2.2250738585072011e-308']);
    case 2: return String(random.unit() * 10 ** (random.below(40) - 20));
    case 3: return `${1 + random.below(9)}${digits(random.below(24))}`;
    case 4: return `-${random.below(10)}.${digits(1 + random.below(24))}`;
    default: return `${1 + random.below(9)}.${digits(1 + random.below(30))}${pick(random, ['e', 'E'])}${pick(random, ['', '+', '-'])}${random.below(330)}`;
  }
}

function space(random) {
  return random.below(8) === 0 ? pick(random, [' ', '\n', '\r', '\t', '  \n\t']) : '';
}

function valueText(random, depth) {
  const around = (text) => space(random) + text + space(random);
  const kind = random.below(depth < 5 ? 8 : 5);
  if (kind === 0) return around(pick(random, ['null', 'true', 'false']));
  if (kind < 3) return around(numberText(random));
  if (kind < 5) return around(stringText(random, randomString(random)));
  const count = random.below(random.below(16) === 0 ? 60 : 6);
  const items = Array.from({ length: count }, (unused, i) => {
    const value = valueText(random, depth + (count > 6 ? 3 : 1));
    if (kind < 6) return value;
    const key = random.below(30) === 0 ? pick(random, ['a', 'b', '__proto__', '']) : `${i}${randomString(random)}`;
    return around(stringText(random, key)) + ':' + value;
  });
  return around(kind < 6 ? `[${items.join(',') || space(random)}]` : `{${items.join(',') || space(random)}}`);
}

const pieces = ['{', '}', '[', ']', ',', ':', '"', '\\', '\\u', '\\ud800', '\\udc00', '0', '-', '.', 'e', '+', 'null',
  'tru', 'Infinity', 'NaN', '//', '\0', '\x1f', '\n', '\t', '\v', '\u00a0', '\u2028', '\ufeff', '""', '"a":1,', '1e999']
  .map((piece) => Buffer.from(piece));
const bytes = [0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff].map((byte) => Buffer.from([byte]));

// A few cuts, insertions, replacements and repetitions of a text's bytes.
function mutate(random, text) {
  let mutated = text;
  for (let left = 1 + random.below(3); left > 0; left--) {
    const from = random.below(mutated.length + 1);
    const to = Math.min(mutated.length, from + random.below(random.below(3) === 0 ? 20 : 3));
    const middle = pick(random, [Buffer.alloc(0), pick(random, pieces), pick(random, pieces), pick(random, bytes),
      mutated.subarray(from, to), Buffer.concat([mutated.subarray(from, to), mutated.subarray(from, to)])]);
    mutated = Buffer.concat([mutated.subarray(0, from), middle, mutated.subarray(to)]);
  }
  return mutated;
}

// Whether a text that JSON.parse accepts holds what we refuse.
function holdsWhatWeRefuse(text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g);
  const open = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === '{' || token === '[') {
      open.push(new Set());
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (token[0] === '"') {
      const value = JSON.parse(token);
      if (!value.isWellFormed()) return 'half of a surrogate pair';
      if (tokens[i + 1] === ':') {
        const keys = open[open.length - 1];
        if (keys.has(value)) return 'duplicate key';
        keys.add(value);
      }
    } else if (/[0-9]/.test(token[0] === '-' ? token[1] : token[0]) && !Number.isFinite(Number(token))) {
      return 'number beyond a double';
    }
  }
  return null;
}

// What the other parser says: {value}, or {refused} with the reason.
function expectation(document) {
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document);
  } catch {
    return { refused: 'not UTF-8' };
  }
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { refused: error.message };
  }
  const refused = holdsWhatWeRefuse(text);
  return refused === null ? { value } : { refused };
}

function echo(documents) {
  const run = spawnSync(program, { input: documents.map((document) => `${document.toString('hex')}\n`).join(''), maxBuffer: 2 ** 30 });
  assert.ok(run.error === undefined, `${program}: ${run.error?.message}; build the target json_echo`);
  assert.strictEqual(run.status, 0, run.stderr.toString());
  const lines = run.stdout.toString().split('\n');
  assert.strictEqual(lines.pop(), '');
  assert.strictEqual(lines.length, documents.length);
  return lines;
}

// Compares all of them; returns how many were accepted.
function compare(documents) {
  const answers = echo(documents);
  let accepted = 0;
  documents.forEach((document, i) => {
    const expected = expectation(document);
    const shown = `${JSON.stringify(document.toString('latin1'))}\nours: ${answers[i]}\nJSON.parse: ${expected.refused ?? 'accepts'}`;
    assert.strictEqual(answers[i].startsWith('error '), 'refused' in expected, shown);
    if ('refused' in expected) return;
    accepted++;
    const [written, canonical] = answers[i].split('\t');
    assert.deepStrictEqual(JSON.parse(written), expected.value, shown); // tells 0 from -0
    assert.deepEqual(JSON.parse(canonical), expected.value, shown);
  });
  return accepted;
}

test(`random documents mean the same (BL_TEST_SEED=${seed})`, () => {
  const random = generator(seed);
  const documents = Array.from({ length: 8000 }, () => Buffer.from(valueText(random, 0)));
  const accepted = compare(documents);
  assert.ok(accepted > documents.length / 2, `only ${accepted} were accepted`);
});

test(`mutated documents are accepted and refused alike (BL_TEST_SEED=${seed})`, () => {
  const random = generator(seed ^ 0x9e3779b9);
  const documents = Array.from({ length: 30000 }, () => mutate(random, Buffer.from(valueText(random, 2))));
  const accepted = compare(documents);
  assert.ok(accepted > documents.length / 50, `only ${accepted} were accepted`);
  assert.ok(accepted < documents.length / 2, `${accepted} were accepted`);
});

test(`the order of keys does not change the canonical form (BL_TEST_SEED=${seed})`, () => {
  const random = generator(seed ^ 0x85ebca6b);
  const shuffled = (value) => {
    if (Array.isArray(value)) return `[${value.map(shuffled).join(',')}]`;
    if (value === null || typeof value !== 'object') return JSON.stringify(value);
    const members = Object.keys(value).map((key) => `${JSON.stringify(key)}:${shuffled(value[key])}`);
    for (let i = members.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [members[i], members[j]] = [members[j], members[i]];
    }
    return `{${members.join(',')}}`;
  };
  const values = Array.from({ length: 2000 }, () => expectation(Buffer.from(valueText(random, 0))))
    .filter((expected) => 'value' in expected).map((expected) => expected.value);
  const forms = () => echo(values.map((value) => Buffer.from(shuffled(value)))).map((line) => line.split('\t')[1]);
  const first = forms();
  assert.deepStrictEqual(forms(), first);
  assert.ok(values.length > 1000);
});

test('keys are sorted by the bytes of UTF-8, not by UTF-16 units', () => {
  const keys = ['\u{10000}', '\uffff', '\u00e9', 'z', 'a', 'A', 'aa', '', '\0', '10', '9'];
  const document = Buffer.from(`{${keys.map((key) => `${JSON.stringify(key)}:0`).join(',')}}`);
  const sorted = keys.map((key) => Buffer.from(key)).sort(Buffer.compare).map((key) => `${JSON.stringify(key.toString())}:0`);
  assert.strictEqual(echo([document])[0].split('\t')[1], `{${sorted.join(',')}}`);
});
