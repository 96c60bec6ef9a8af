import assert from 'node:assert/strict';
import test from 'node:test';

import { browserName, readLink } from '../js/link-model.js';

const token = 'a2'.repeat(26);

test('reads the links of mails', () => {
  assert.deepEqual(readLink(`#reset=${token}`), { kind: 'reset', token });
  assert.deepEqual(readLink(`#invitation=${token}`), { kind: 'invitation', token });
  assert.deepEqual(readLink('#forgot'), { kind: 'forgot', token: null });
});

test('takes nothing else for a link', () => {
  for (const hash of ['', '#', '#main', '#reset=', '#reset=short', `#other=${token}`, `#reset=${token}x`, `#reset=<script>`]) {
    assert.deepEqual(readLink(hash), { kind: null, token: null });
  }
});

test('names browsers as people do', () => {
  assert.equal(browserName('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36'), 'Chrome on Linux');
  assert.equal(browserName('Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604.1'), 'Safari on iPhone');
  assert.equal(browserName('curl/8.5'), 'curl/8.5');
  assert.equal(browserName(undefined), 'A program');
});
