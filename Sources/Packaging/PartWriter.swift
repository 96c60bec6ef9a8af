import Domain
import NIOCore

/// Makes one rendition's bytes from parts. Owned by `HLSRendition`; called on the channel's loop.
protocol PartWriter: AnyObject {
    /// Tells that the next part opens a segment.
    func beginSegment() throws
    /// The part's bytes, with the units that were lost in making them. Empty when the part has nothing for this rendition.
    func write(_ part: Segmenter.Part) throws -> PartBytes
    /// What is still owed at the end of a segment.
    func endSegment() throws -> ByteBuffer
    /// The init section that the last part needs; `nil` in a transport stream.
    var initialization: ByteBuffer? { get }
    /// Counts init sections: another value, another section.
    var generation: Int { get }
}

struct PartBytes {
    var bytes = ByteBuffer()
    /// Of the rendition's own units; the part's where it holds pictures.
    var duration = MediaTime.zero
    /// Where its first unit is shown.
    var presentationStart: MediaTime?
    var lost = 0
    /// The error behind the first of `lost`.
    var error: (any Error)?
}

/// Fragmented MP4: one fragment a part.
final class FragmentWriter: PartWriter {
    private let muxers: any FragmentMuxerFactory
    private let tracks: FragmentTracks
    private var muxer: (any FragmentMuxer)?
    private var format: ProgrammeFormat?
    private(set) var generation = 0

    init(muxers: any FragmentMuxerFactory, tracks: FragmentTracks) {
        self.muxers = muxers
        self.tracks = tracks
    }

    var initialization: ByteBuffer? { muxer?.initializationSection }

    func beginSegment() {}
    func endSegment() -> ByteBuffer { ByteBuffer() }

    func write(_ part: Segmenter.Part) throws -> PartBytes {
        let muxer = try muxer(for: part.format)
        var written = PartBytes()
        for unit in part.units where tracks.contains(unit.track) {
            do {
                try muxer.append(unit)
                if unit.track == .audio { written.duration = written.duration + unit.duration }
                if written.presentationStart == nil { written.presentationStart = unit.presentationTime }
            } catch {
                written.lost += 1
                written.error = written.error ?? error
            }
        }
        if tracks != .audio {
            written.duration = part.duration
            written.presentationStart = part.presentationStart
        }
        do {
            written.bytes = try muxer.flush()
        } catch {
            // Who cannot close a fragment is not asked again.
            self.muxer = nil
            throw error
        }
        return written
    }

    /// The muxer of the part's format; a new one, with an init section of its own, when what it holds has changed.
    private func muxer(for wanted: ProgrammeFormat) throws -> any FragmentMuxer {
        if let muxer, let format, isSame(format, wanted) { return muxer }
        muxer = nil
        let made = try muxers.makeMuxer(for: wanted, tracks: tracks)
        muxer = made
        format = wanted
        generation += 1
        return made
    }

    private func isSame(_ left: ProgrammeFormat, _ right: ProgrammeFormat) -> Bool {
        (!tracks.contains(.video) || left.video == right.video)
            && (!tracks.contains(.audio) || left.audio == right.audio)
    }
}

/// An MPEG transport stream; all formats of a channel in one.
final class TransportStreamWriter: PartWriter {
    private let muxers: any FragmentMuxerFactory
    private var muxer: (any TransportStreamMuxer)?

    init(muxers: any FragmentMuxerFactory) { self.muxers = muxers }

    var initialization: ByteBuffer? { nil }
    var generation: Int { 0 }

    func beginSegment() throws {
        if muxer == nil { muxer = try muxers.makeTransportStreamMuxer() }
        try muxer?.beginSegment()
    }

    func write(_ part: Segmenter.Part) throws -> PartBytes {
        guard let muxer else { return PartBytes() }
        var written = PartBytes(duration: part.duration, presentationStart: part.presentationStart)
        for unit in part.units {
            do {
                try muxer.append(unit, format: part.format)
            } catch {
                written.lost += 1
                written.error = written.error ?? error
            }
        }
        written.bytes = try take(endsSegment: false)
        return written
    }

    func endSegment() throws -> ByteBuffer { try take(endsSegment: true) }

    private func take(endsSegment: Bool) throws -> ByteBuffer {
        guard let muxer else { return ByteBuffer() }
        do {
            return try muxer.take(endsSegment: endsSegment)
        } catch {
            self.muxer = nil
            throw error
        }
    }
}
