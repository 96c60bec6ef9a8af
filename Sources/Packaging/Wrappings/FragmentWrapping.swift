package import Domain
package import Logging
package import NIOCore
import Synchronization

/// The programme as fragmented MP4 for a hub: an init section for each format, then fragments of both tracks, or of the sound alone.
///
/// A fragment is closed by the first picture that is `span` or more behind its first unit, by a key frame, and by a change of source, so
/// that a reader gets media at most `span` and a picture after it left and can begin at any key frame; of sound alone about every second.
///
/// A picture is written when the next one says how long it lasted: to browsers a step of more than twice the duration they were told
/// is a hole, behind which they show nothing before the next key frame (Media Source Extensions §3.5.8).
package final class FragmentWrapping: HubPacketWrapping {
    private struct State {
        var muxer: (any FragmentMuxer)?
        var format: ProgrammeFormat?
        /// Of the open fragment: its first unit.
        var first: (decodeTime: MediaTime, presentationTime: MediaTime, isKeyFrame: Bool)?
        /// The newest picture, not written yet.
        var held: ProgrammeUnit?
        /// The latest, as many as a hub may hold formats in its lag.
        var sections: [(format: ProgrammeFormat, bytes: ByteBuffer)] = []
        var hasComplained = false
        /// Of sound alone: where a reader could begin last.
        var lastStart: MediaTime?
    }

    /// Between two places where readers of sound may begin: what a player gets at once.
    private static let group = MediaTime.milliseconds(1000)

    private static let maximumSections = 16

    private let muxers: any FragmentMuxerFactory
    private let tracks: FragmentTracks
    private let span: MediaTime
    private let state = Mutex(State())
    private let logger: Logger

    /// - Parameter span: 20 ms…2 s of media to a fragment.
    package init(
        muxers: any FragmentMuxerFactory, tracks: FragmentTracks = .videoAndAudio, span: MediaTime = .milliseconds(150),
        logger: Logger
    ) {
        self.muxers = muxers
        self.tracks = tracks
        self.span = min(max(span, .milliseconds(20)), .milliseconds(2000))
        self.logger = logger
    }

    /// The init section; empty for a format that cannot be muxed.
    package func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer {
        state.withLock { $0.sections.last { $0.format == format }?.bytes } ?? ByteBuffer()
    }

    package func joined(_ format: ProgrammeFormat) -> HubPacket? {
        act { state in
            let rest = try closeWhole(&state)
            state.lastStart = nil
            if state.format != format { state.muxer = nil }
            state.format = format
            state.hasComplained = false
            makeMuxer(&state)
            return rest
        }
    }

    package func packet(_ unit: ProgrammeUnit) -> HubPacket? {
        guard tracks.contains(unit.track) else { return nil }
        return act { state in
            let isKeyFrame = isStart(unit, &state)
            if isKeyFrame { makeMuxer(&state) }
            guard state.muxer != nil else { return nil }
            let isPicture = unit.track == .video
            if isPicture { writeHeld(until: unit.decodeTime, &state) }
            var done: HubPacket?
            if isPicture || tracks == .audio, let first = state.first,
                isKeyFrame || unit.decodeTime - first.decodeTime >= span
            {
                done = try close(&state)
            }
            if state.first == nil { state.first = (unit.decodeTime, unit.presentationTime, isKeyFrame) }
            if isPicture { state.held = unit } else { write(unit, &state) }
            return done
        }
    }

    package func finished() -> HubPacket? {
        act { try closeWhole(&$0) }
    }

    /// - Parameter next: when the next picture is decoded; `nil` where none follows, and its own duration has to do.
    private func writeHeld(until next: MediaTime?, _ state: inout State) {
        guard var picture = state.held else { return }
        state.held = nil
        if let next, next > picture.decodeTime { picture.duration = next - picture.decodeTime }
        write(picture, &state)
    }

    private func write(_ unit: ProgrammeUnit, _ state: inout State) {
        do {
            try state.muxer?.append(unit)
        } catch {
            // Nobody can begin with a fragment whose key frame is missing.
            if unit.isKeyFrame, unit.track == .video { state.first?.isKeyFrame = false }
            complain(of: error, &state)
        }
    }

    private func closeWhole(_ state: inout State) throws -> HubPacket? {
        writeHeld(until: nil, &state)
        return try close(&state)
    }

    /// Whether a reader may begin with this unit.
    private func isStart(_ unit: ProgrammeUnit, _ state: inout State) -> Bool {
        guard tracks == .audio else { return unit.track == .video && unit.isKeyFrame }
        if let last = state.lastStart, unit.decodeTime - last < Self.group { return false }
        state.lastStart = unit.decodeTime
        return true
    }

    private func act(_ body: (inout State) throws -> HubPacket?) -> HubPacket? {
        state.withLock { state in
            do {
                return try body(&state)
            } catch {
                complain(of: error, &state)
                return nil
            }
        }
    }

    /// Where there is none: after a change of format, and after one that failed.
    private func makeMuxer(_ state: inout State) {
        guard state.muxer == nil, let format = state.format else { return }
        do {
            let made = try muxers.makeMuxer(for: format, tracks: tracks)
            state.sections.removeAll { $0.format == format }
            state.sections.append((format, made.initializationSection))
            if state.sections.count > Self.maximumSections { state.sections.removeFirst() }
            state.muxer = made
        } catch {
            complain(of: error, &state)
        }
    }

    private func close(_ state: inout State) throws -> HubPacket? {
        guard let first = state.first, let muxer = state.muxer else { return nil }
        state.first = nil
        // Who cannot close a fragment is not asked again.
        state.muxer = nil
        let bytes = try muxer.flush()
        state.muxer = muxer
        guard bytes.readableBytes > 0 else { return nil }
        return HubPacket(
            track: tracks == .audio ? .audio : .video, decodeTime: first.decodeTime,
            presentationTime: first.presentationTime, isKeyFrame: tracks == .audio || first.isKeyFrame,
            startsGroup: first.isKeyFrame, bytes: bytes)
    }

    private func complain(of error: any Error, _ state: inout State) {
        guard !state.hasComplained else { return }
        state.hasComplained = true
        logger.warning("a unit is in no fragment", metadata: ["error": "\(error)"])
    }
}
