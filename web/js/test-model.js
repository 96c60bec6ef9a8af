// What a test stream's figures mean for the person who sends it. Pure.

/** The address of the test beside the one of the show. */
export function testAddress(url) {
  return url.replace(/\/live$/, '/test');
}

/** `{ verdict: 'nothing' | 'good' | 'bad', lines }` of the answer's `stream`. */
export function judge(stream) {
  if (!stream) return { verdict: 'nothing', lines: ['Nothing arrives yet: press Start Streaming in OBS.'] };
  const lines = [...stream.missing];
  if (stream.isSilent) lines.push('Nothing has come for a moment: is your upload fast enough?');
  if (stream.keyFrameSeconds > 4) lines.push(`A key frame comes every ${stream.keyFrameSeconds.toFixed(1)} s: set the keyframe interval to 2 s, or your way on air is long.`);
  if (stream.clockJumps > 0) lines.push('Your encoder’s clock jumps: restart OBS, and use one audio sample rate everywhere.');
  return { verdict: lines.length > 0 ? 'bad' : 'good', lines };
}

/** `4.2 Mbit/s · 30 pictures a second`; empty before there are figures. */
export function figures(stream) {
  if (!stream) return '';
  const parts = [];
  if (stream.bitsPerSecond) parts.push(`${(stream.bitsPerSecond / 1e6).toFixed(1)} Mbit/s`);
  if (stream.frameRate) parts.push(`${Math.round(stream.frameRate)} pictures a second`);
  if (stream.keyFrameSeconds) parts.push(`a key frame every ${stream.keyFrameSeconds.toFixed(1)} s`);
  return parts.join(' · ');
}
