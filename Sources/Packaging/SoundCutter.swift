import Domain

/// Cuts the sound of parts into parts of its own: where the pictures are cut while that makes 85 to 100 in a hundred of the
/// target, else between frames of its own (draft-pantos-hls-rfc8216bis §4.4.4.9). Pure; owned by the sound's `HLSRendition`.
///
/// Pictures that are far apart, or a join, give parts whose sound is too short or too long for that: what is too short waits for
/// the next part or the segment's end, what is too long is given out in pieces, and its end waits.
struct SoundCutter {
    let longestPart: MediaTime
    private var held: Segmenter.Part?

    init(longestPart: MediaTime) { self.longestPart = longestPart }

    private var shortestPart: MediaTime { longestPart * 85 / 100 }

    /// What the part completes, in order; without pictures.
    mutating func add(_ part: Segmenter.Part) -> [Segmenter.Part] {
        let frames = part.units.filter { $0.track == .audio }
        if held == nil {
            held = part
            held?.units = []
        }
        held?.units += frames
        var pieces = takeLongest()
        if let held, held.soundDuration >= shortestPart {
            pieces.append(held)
            self.held = nil
        }
        return pieces
    }

    /// What is left at the segment's end; the last piece may be as short as a frame.
    mutating func rest() -> [Segmenter.Part] {
        var pieces = takeLongest()
        if let held, !held.units.isEmpty { pieces.append(held) }
        held = nil
        return pieces
    }

    /// Pieces of at most `longestPart`, until no more than that is held.
    private mutating func takeLongest() -> [Segmenter.Part] {
        var pieces: [Segmenter.Part] = []
        while let whole = held, whole.soundDuration > longestPart {
            var (count, duration) = (0, MediaTime.zero)
            for frame in whole.units {
                guard count == 0 || duration + frame.duration <= longestPart else { break }
                count += 1
                duration = duration + frame.duration
            }
            // A frame that is longer by itself is a part by itself.
            guard count < whole.units.count else { break }
            var piece = whole
            piece.units = Array(whole.units.prefix(count))
            pieces.append(piece)
            held?.units = Array(whole.units.dropFirst(count))
            if let next = held?.units.first {
                held?.start = next.decodeTime
                held?.presentationStart = next.presentationTime
            }
        }
        return pieces
    }
}

extension Segmenter.Part {
    fileprivate var soundDuration: MediaTime { units.reduce(.zero) { $0 + $1.duration } }
}
