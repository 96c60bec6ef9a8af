package import Domain
package import NIOCore

/// What a hub keeps: the latest packets in order, each with a number that never comes again, and where late joiners start.
///
/// A value without locks or loops; `Hub` guards it. Appending costs the same whoever reads and however slowly. What nobody has
/// read yet is kept as the programme's own unit, which shares its memory with the delay line; it is wrapped, which is a copy, for
/// its first reader.
///
///      first                groupStart                 end
///        │ kept for who lags  │ the current group       │
///        ▼                    ▼                         ▼
///     ── P P P P P P P P P P  K P P P P P P P P P P P ──
package struct HubLog: Sendable {
    /// A reader's place: the number of the packet it takes next.
    package struct Cursor: Sendable, Equatable {
        /// `nil`: waits for a key frame at or after `from`.
        fileprivate var position: Int?
        fileprivate var from: Int
        /// Of the format it was told last; 0 for none.
        fileprivate var formatNumber = 0
        package fileprivate(set) var lost = 0
        /// How often it had to leave something out.
        package fileprivate(set) var skips = 0

        /// Moves past `run` if it is what comes next here.
        package mutating func take(_ run: Run) -> Bool {
            guard position == run.places.lowerBound, formatNumber == run.formatNumber else { return false }
            position = run.places.upperBound
            return true
        }
    }

    package enum Step: Sendable, Equatable {
        /// The format changes before the packet at this time.
        case format(ProgrammeFormat, number: Int, at: MediaTime)
        case packet(HubPacket)
        case finished
        case nothing
    }

    /// Packets that follow each other under one format, two or more.
    package struct Run: Sendable {
        package fileprivate(set) var places: Range<Int>
        fileprivate var formatNumber: Int
        fileprivate var parts: [ByteBuffer]
        /// Of all packets, in bytes.
        fileprivate var length: Int

        /// One buffer with all their bytes: a copy.
        package func joined() -> ByteBuffer {
            var bytes = ByteBufferAllocator().buffer(capacity: length)
            for part in parts { bytes.writeImmutableBuffer(part) }
            return bytes
        }
    }

    private struct Entry {
        /// With the unit's own payload while `unit` is there.
        var packet: HubPacket
        var formatNumber: Int
        /// Not wrapped yet.
        var unit: ProgrammeUnit?
    }

    private let limits: HubLimits
    private let wrap: @Sendable (ProgrammeUnit) -> ByteBuffer
    private var entries = CircularBuffer<Entry>()
    /// The number of the first entry.
    private var first = 0
    private var groupStart: Int?
    /// Those that entries still stand under, by number; the last one holds for what is appended next.
    private var formats: [(number: Int, format: ProgrammeFormat)] = []
    private var lastFormatNumber = 0
    private(set) package var bytes = 0
    private(set) package var isFinished = false

    /// - Parameter wrap: makes the bytes of a unit that was appended without.
    package init(
        limits: HubLimits = HubLimits(), wrap: @escaping @Sendable (ProgrammeUnit) -> ByteBuffer = { $0.payload }
    ) {
        self.limits = limits
        self.wrap = wrap
    }

    package var count: Int { entries.count }
    /// The number of the packet that is appended next.
    package var end: Int { first + entries.count }

    // MARK: Writing

    /// `format` holds for what is appended from here on.
    package mutating func formatChanged(to format: ProgrammeFormat) {
        guard formats.last?.format != format else { return }
        lastFormatNumber += 1
        formats.append((lastFormatNumber, format))
        // A group begins with its format: what came before is nothing to start from.
        groupStart = nil
    }

    package mutating func append(_ packet: HubPacket) { append(packet, unit: nil) }

    /// For readers who may never come: nothing is copied.
    package mutating func append(_ unit: ProgrammeUnit) { append(HubPacket(unit, bytes: unit.payload), unit: unit) }

    /// Media without a format before it is nobody's.
    private mutating func append(_ packet: HubPacket, unit: ProgrammeUnit?) {
        guard let format = formats.last, !isFinished else { return }
        if packet.startsGroup { groupStart = end }
        entries.append(Entry(packet: packet, formatNumber: format.number, unit: unit))
        bytes += packet.bytes.readableBytes
        evict(newest: packet.decodeTime)
    }

    package mutating func finish() { isFinished = true }

    /// Forgets all packets, for a hub that nobody reads; their numbers do not come again.
    package mutating func clear() {
        first = end
        entries.removeAll()
        groupStart = nil
        bytes = 0
        formats.removeAll { $0.number != lastFormatNumber }
    }

    private mutating func evict(newest: MediaTime) {
        while let oldest = entries.first?.packet {
            let age = newest - oldest.decodeTime
            let isGroups = groupStart.map { first >= $0 } ?? false
            guard bytes > limits.maximumBytes || age > (isGroups ? limits.maximumGroup : limits.maximumLag) else {
                break
            }
            bytes -= oldest.bytes.readableBytes
            entries.removeFirst()
            if groupStart == first { groupStart = nil }
            first += 1
        }
        if let oldest = entries.first, formats.count > 1 {
            formats.removeAll { $0.number < oldest.formatNumber && $0.number != lastFormatNumber }
        }
    }

    // MARK: Reading

    /// The place of somebody who comes now.
    package func start() -> Cursor { Cursor(position: groupStart, from: end) }

    /// Moves `cursor` to where somebody who comes now would start, unless it is farther already.
    package func restart(_ cursor: inout Cursor) {
        let place = cursor.position ?? cursor.from
        if let groupStart {
            if groupStart > place { cursor.position = groupStart }
        } else {
            cursor.position = nil
            cursor.from = max(cursor.from, end)
        }
    }

    /// The next thing at `cursor`, which moves past it. What was evicted before it was read is counted, and reading goes on at
    /// the newest key frame, so that nobody who fell behind once stays behind.
    package mutating func next(_ cursor: inout Cursor) -> Step {
        if let position = cursor.position, position < first { skip(&cursor, from: position) }
        if cursor.position == nil { findGroup(&cursor) }
        guard let position = cursor.position, position < end else { return isFinished ? .finished : .nothing }
        let entry = entries[offset: position - first]
        if entry.formatNumber != cursor.formatNumber,
            let format = formats.first(where: { $0.number == entry.formatNumber })
        {
            cursor.formatNumber = entry.formatNumber
            return .format(format.format, number: format.number, at: entry.packet.decodeTime)
        }
        cursor.position = position + 1
        return .packet(wrapped(position - first))
    }

    /// The entry's packet, wrapped now if it was not before.
    private mutating func wrapped(_ offset: Int) -> HubPacket {
        guard let unit = entries[offset: offset].unit else { return entries[offset: offset].packet }
        let index = entries.index(entries.startIndex, offsetBy: offset)
        bytes -= entries[index].packet.bytes.readableBytes
        entries[index].packet.bytes = wrap(unit)
        entries[index].unit = nil
        bytes += entries[index].packet.bytes.readableBytes
        return entries[index].packet
    }

    /// The packets from `place` on that may be written as one, up to `maximumRunBytes`; `nil` when fewer than two are there.
    package mutating func run(from place: Int) -> Run? {
        guard place >= first, end - place > 1 else { return nil }
        let formatNumber = entries[offset: place - first].formatNumber
        var run = Run(places: place..<place, formatNumber: formatNumber, parts: [], length: 0)
        run.parts.reserveCapacity(end - place)
        while run.places.upperBound < end {
            let offset = run.places.upperBound - first
            guard entries[offset: offset].formatNumber == formatNumber else { break }
            let bytes = wrapped(offset).bytes
            let length = run.length + bytes.readableBytes
            guard length <= limits.maximumRunBytes else { break }
            run.parts.append(bytes)
            run.length = length
            run.places = place..<run.places.upperBound + 1
        }
        return run.places.count > 1 ? run : nil
    }

    private func skip(_ cursor: inout Cursor, from position: Int) {
        let target = groupStart ?? end
        cursor.lost += target - position
        cursor.skips += 1
        cursor.position = groupStart
        cursor.from = target
    }

    /// Looks whether the key frame has come that `cursor` waits for, and counts what it cannot use before it.
    private func findGroup(_ cursor: inout Cursor) {
        // Whoever waits is not behind, so the newest group is the one.
        guard let groupStart, groupStart >= cursor.from else {
            if cursor.skips > 0, end > cursor.from {
                cursor.lost += end - cursor.from
                cursor.from = end
            }
            return
        }
        if cursor.skips > 0 { cursor.lost += groupStart - cursor.from }
        cursor.position = groupStart
    }
}

extension HubPacket {
    package init(_ unit: ProgrammeUnit, bytes: ByteBuffer) {
        self.init(
            track: unit.track, decodeTime: unit.decodeTime, presentationTime: unit.presentationTime,
            isKeyFrame: unit.isKeyFrame, bytes: bytes)
    }
}
