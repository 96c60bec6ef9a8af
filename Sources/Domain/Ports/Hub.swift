package import NIOCore

/// Turns the programme into one wrapping's packets, once for however many read them.
///
/// The hub's writer calls `packet`, `joined` and `finished` in the order of the programme, on one loop at a time, so a wrapping may
/// keep what its container counts or gathers. `header` comes from any reader's thread.
package protocol HubPacketWrapping: Sendable {
    /// What a reader needs before its first packet of `format`, which is at `time`: sequence headers and the like. May be empty.
    func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer
    /// What `unit` completes: its own packet, the fragment it closes, or nothing.
    func packet(_ unit: ProgrammeUnit) -> HubPacket?
    /// The source changes; `format` holds from here on.
    /// - Returns: what was still open. It belongs to the format before.
    func joined(_ format: ProgrammeFormat) -> HubPacket?
    /// - Returns: what was still open.
    func finished() -> HubPacket?
}

/// A wrapping in which each unit stands for itself. Any thread, so it keeps no state.
package protocol HubWrapping: HubPacketWrapping {
    /// One unit. Every reader writes this same buffer; nobody changes it.
    func body(_ unit: ProgrammeUnit) -> ByteBuffer
}

extension HubWrapping {
    package func packet(_ unit: ProgrammeUnit) -> HubPacket? {
        HubPacket(
            track: unit.track, decodeTime: unit.decodeTime, presentationTime: unit.presentationTime,
            isKeyFrame: unit.isKeyFrame, bytes: body(unit))
    }
    package func joined(_ format: ProgrammeFormat) -> HubPacket? { nil }
    package func finished() -> HubPacket? { nil }
}

/// One unit as a hub keeps and hands it out.
package struct HubPacket: Sendable, Equatable {
    package var track: TrackKind
    package var decodeTime: MediaTime
    package var presentationTime: MediaTime
    package var isKeyFrame: Bool
    /// Readers may begin here: at a key frame and, where a wrapping has no pictures, wherever it says.
    package var startsGroup: Bool
    /// In the hub's wrapping; shared by all readers.
    package var bytes: ByteBuffer

    /// - Parameter startsGroup: without it, at a video key frame.
    package init(
        track: TrackKind, decodeTime: MediaTime, presentationTime: MediaTime, isKeyFrame: Bool,
        startsGroup: Bool? = nil, bytes: ByteBuffer
    ) {
        self.track = track
        self.decodeTime = decodeTime
        self.presentationTime = presentationTime
        self.isKeyFrame = isKeyFrame
        self.startsGroup = startsGroup ?? (track == .video && isKeyFrame)
        self.bytes = bytes
    }
}

/// The next thing a reader takes from a hub.
package enum HubEvent: Sendable, Equatable {
    /// Holds for the packets that follow, the next of which is at `at`. First of all, and whenever it changes; `header` is the
    /// wrapping's.
    case format(ProgrammeFormat, at: MediaTime, header: ByteBuffer)
    case packet(HubPacket)
    /// The channel stops; nothing follows.
    case finished
}

/// Reads a hub. Owned by whoever has the socket or the file; lives on the one event loop it was subscribed on.
package protocol HubReader: AnyObject {
    /// Called on that loop when there may be more in the feed. It takes what it has room for, now or later; whoever takes too
    /// little for too long loses packets up to a key frame (I4).
    func hubMovedOn()
}

/// One reader's place in a hub. Used on the reader's event loop only.
package protocol HubFeed: AnyObject {
    /// The next event; `nil` when the reader has everything there is.
    func next() -> HubEvent?
    /// The next packets as one buffer, which the other readers of this loop get too, so that each of them costs one write a wake.
    /// For readers that leave nothing out. `nil` whenever `next` is to be asked: between wakes, before a change of format, for
    /// who is behind the others, and when there is but one packet or one reader. At most `HubLimits.maximumRunBytes`.
    func nextJoined() -> ByteBuffer?
    /// Leaves out what lies between here and where somebody who comes now would start; for who paused. Not counted as lost.
    func restart()
    /// Packets that were gone before the reader took them.
    var lostPackets: Int { get }
    /// The reader is told nothing any more. Harmless when done twice.
    func cancel()
}

/// The programme for many readers: implemented by `Broadcast`, read by every wrapping that leaves the process.
package protocol ProgrammeHub: Sendable {
    /// Subscribes `reader`, which starts with the format and the kept group of pictures, from its key frame; without one it
    /// waits for the next. Call on `eventLoop`. The hub keeps the reader until `HubFeed.cancel`.
    ///
    /// Nothing is called from inside: take what there is with `next` at once.
    func subscribe(_ reader: any HubReader, on eventLoop: any EventLoop) -> any HubFeed
}
