import assert from 'node:assert/strict';
import test from 'node:test';

import { chooseEngine, feedsAfter, initialFeeds, isBack, outsidePath, probePath } from '../js/feed-model.js';

const both = { mse: true, hls: true };
const failed = (socket, hasBegun = false) => ({ kind: 'failed', feed: 'mse', hasBegun, socket });
const after = (...events) => events.reduce(feedsAfter, initialFeeds);

test('the lowest latency that plays; the browser’s own player where no WebSocket gets through', () => {
  assert.equal(chooseEngine(both, initialFeeds), 'mse');
  assert.equal(chooseEngine(both, after(failed('ready'), failed('missing'))), 'mse');
  const blocked = after(failed('ready'), failed('missing'), failed('ready'));
  assert.equal(chooseEngine(both, blocked), 'hls');
  assert.equal(chooseEngine({ mse: true, hls: false }, blocked), 'mse');
  assert.equal(chooseEngine({ mse: false, hls: true }, initialFeeds), 'hls');
  assert.equal(chooseEngine({ mse: false, hls: false }, initialFeeds), null);
  // Another network may have no such proxy.
  assert.equal(chooseEngine(both, feedsAfter(blocked, { kind: 'online' })), 'mse');
});

test('a server that is away, starting or refuses is no proxy that blocks', () => {
  const outage = Array.from({ length: 20 }, (_, index) => failed(['unreachable', 'notYet', 'off', 'uninvited', 'sentAway', 'outside'][index % 6]));
  assert.equal(chooseEngine(both, after(...outage)), 'mse');
});

test('a connection that brought media starts the count anew', () => {
  assert.equal(chooseEngine(both, after(failed('ready'), failed('ready'), failed('ready', true), failed('ready'), failed('ready'))), 'mse');
  assert.equal(after({ kind: 'failed', feed: 'hls', hasBegun: false, socket: 'ready' }).fruitless, 0);
});

test('who is one too many tries the other feed, and low latency the next time', () => {
  const full = after(failed('full'));
  assert.equal(chooseEngine(both, full), 'hls');
  assert.equal(chooseEngine({ mse: true, hls: false }, full), 'mse');
  assert.equal(chooseEngine(both, { ...full, outputs: ['ws'] }), 'mse');
  assert.equal(chooseEngine(both, feedsAfter(full, { kind: 'loaded' })), 'mse');
});

test('what the channel does not offer is not tried, and what is offered again is, whatever was before', () => {
  const offered = (...outputs) => ({ kind: 'offered', outputs });
  assert.equal(chooseEngine(both, after(offered('hls', 'dash'))), 'hls');
  assert.equal(chooseEngine(both, after(offered('ws'))), 'mse');
  assert.equal(chooseEngine({ mse: false, hls: true }, after(offered('ws'))), null);
  assert.equal(chooseEngine(both, after(offered('rtmp', 'audio'))), null);
  const blocked = [failed('ready'), failed('ready'), failed('ready')];
  assert.equal(chooseEngine(both, after(...blocked, offered('hls', 'ws', 'dash'))), 'hls');
  const off = after(...blocked, offered('hls'));
  assert.deepEqual([isBack(off, ['hls', 'ws']), isBack(off, ['hls']), isBack(initialFeeds, ['hls', 'ws'])], [true, false, false]);
  assert.equal(chooseEngine(both, feedsAfter(off, offered('hls', 'ws'))), 'mse');
});

test('it is asked where the player is let in', () => {
  assert.equal(probePath('main', ['hls', 'ws']), '/hls/main/index.m3u8');
  assert.equal(probePath('main', ['rtmp', 'ws']), '/ws/main');
  assert.equal(probePath('main', ['rtmp']), '/hls/main/index.m3u8');
});

test('others are told the best address of those that are on', () => {
  assert.equal(outsidePath('main', ['dash', 'hls']), '/hls/main/index.m3u8');
  assert.equal(outsidePath('main', ['dash', 'stream']), '/stream/main');
  assert.equal(outsidePath('main', ['rtmp']), null);
});
