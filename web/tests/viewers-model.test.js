import assert from 'node:assert/strict';
import test from 'node:test';

import { sentAwayWords } from '../js/viewers-model.js';

test('who was sent away is out, and how many sessions that ended is said', () => {
  assert.deepEqual(sentAwayWords({ ended: 1, addressBarred: true }), { kind: 'good', words: 'They are out.' });
  assert.equal(sentAwayWords({ ended: 3, addressBarred: true }).words, 'They are out, and their 3 sessions are over.');
});

test('who may come back is not said to be out', () => {
  for (const ended of [1, 2]) {
    const { kind, words } = sentAwayWords({ ended, addressBarred: false });
    assert.equal(kind, 'bad');
    assert.match(words, /can come back.*proxy.*LINEUP_TRUSTED_PROXIES/);
    assert.doesNotMatch(words, /are out/);
  }
});
