// Which of the channel's feeds the player plays. Pure.

/** Connections of the low-latency feed in a row that brought nothing, after which the browser's own player takes over. */
const FRUITLESS_LIMIT = 3;

/**
 * `outputs`: how the channel is offered. `fruitless`: connections of the low-latency feed in a row that brought nothing though the server
 * was there: a proxy lets no WebSocket through. `isFull`: the last of them was one too many; that holds for one try of the other feed.
 */
export const initialFeeds = { outputs: ['hls', 'ws'], fruitless: 0, isFull: false };

/** What has become known, `event.kind`: `offered`, `failed`, `loaded`, or `online` (another network may have another proxy). */
export function feedsAfter(feeds, event) {
  switch (event.kind) {
    case 'offered':
      // What went wrong before it was off says nothing of now.
      return isBack(feeds, event.outputs) ? { outputs: event.outputs, fruitless: 0, isFull: false } : { ...feeds, outputs: event.outputs };
    case 'failed':
      return failed(feeds, event);
    case 'loaded':
      return { ...feeds, isFull: false };
    case 'online':
      return { ...feeds, fruitless: 0, isFull: false };
    default:
      return feeds;
  }
}

/**
 * `feed` failed. `socket`: how the WebSocket's address answered since, where the server was ready. A server that is away, is starting or
 * refuses this viewer says nothing of what lies between.
 */
function failed(feeds, { feed, hasBegun, socket }) {
  if (feed !== 'mse') return feeds;
  if (socket === 'full') return { ...feeds, isFull: true };
  if (hasBegun) return { ...feeds, fruitless: 0 };
  return socket === 'ready' || socket === 'missing' ? { ...feeds, fruitless: feeds.fruitless + 1 } : feeds;
}

/** Whether the low-latency feed is offered again. */
export function isBack(feeds, outputs) {
  return outputs.includes('ws') && !feeds.outputs.includes('ws');
}

/**
 * Which feed to play: `mse` (the WebSocket one, lowest latency), `hls` (the browser's own player), or `null` when the channel offers
 * nothing that this browser plays. `can`: `{ mse, hls }`.
 */
export function chooseEngine(can, { outputs, fruitless, isFull }) {
  const hls = can.hls && outputs.includes('hls');
  if (can.mse && outputs.includes('ws') && !(hls && (isFull || fruitless >= FRUITLESS_LIMIT))) return 'mse';
  return hls ? 'hls' : null;
}

/** The address to ask why nothing plays: of the playlist, or of the WebSocket where the channel has no playlist. */
export function probePath(channel, outputs) {
  return outputs.includes('hls') || !outputs.includes('ws') ? `/hls/${channel}/index.m3u8` : socketPath(channel);
}

export function socketPath(channel) {
  return `/ws/${channel}`;
}

/** The address for other players: the best of those that are on; `null` when none of them is. */
export function outsidePath(channel, outputs) {
  const paths = { hls: `/hls/${channel}/index.m3u8`, stream: `/stream/${channel}`, dash: `/dash/${channel}/manifest.mpd`, audio: `/audio/${channel}` };
  return paths[Object.keys(paths).find((name) => outputs.includes(name))] ?? null;
}
