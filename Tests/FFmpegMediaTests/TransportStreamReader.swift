import NIOCore
import Testing

/// What a transport stream says of itself: its program maps as they change, and whether its counters go on (ISO/IEC 13818-1 §2.4).
struct TransportStreamReader {
    struct Map: Equatable {
        var version: UInt8
        /// Stream types by PID.
        var streams: [Int: UInt8]
    }

    private(set) var maps: [Map] = []
    private(set) var problems: [String] = []
    /// The first PES packet's payload on each PID.
    private(set) var firstUnit: [Int: [UInt8]] = [:]

    /// When each table came, by PID, in ticks of 90 kHz: the clock reference before it, or the first there is.
    private(set) var tables: [Int: [UInt64]] = [:]
    private(set) var lastClock: UInt64?

    private static let mapPID = 0x1000
    /// Association, map and service description.
    private static let tablePIDs = [0, mapPID, 0x11]
    private var counters: [Int: UInt8] = [:]
    private var open: [Int: [UInt8]] = [:]

    init(_ stream: ByteBuffer) throws {
        for start in stride(from: stream.readerIndex, to: stream.writerIndex, by: 188) {
            try read(try #require(stream.getBytes(at: start, length: 188)))
        }
    }

    private mutating func read(_ packet: [UInt8]) throws {
        try #require(packet[0] == 0x47)
        let pid = Int(packet[1] & 0x1F) << 8 | Int(packet[2])
        let hasField = packet[3] & 0x20 != 0
        let isBreak = hasField && packet[4] > 0 && packet[5] & 0x80 != 0
        if hasField, packet[4] >= 7, packet[5] & 0x10 != 0 { readClock(packet) }
        guard packet[3] & 0x10 != 0 else { return }
        let counter = packet[3] & 0x0F
        if let last = counters[pid], counter != (last + 1) & 0x0F, !isBreak {
            problems.append("PID \(pid): \(last) then \(counter)")
        }
        counters[pid] = counter
        let payload = packet[(hasField ? 5 + Int(packet[4]) : 4)...]
        let isStart = packet[1] & 0x40 != 0
        if pid == Self.mapPID, isStart { readMap(Array(payload.dropFirst(1 + Int(payload.first ?? 0)))) }
        if Self.tablePIDs.contains(pid), isStart { tables[pid, default: []].append(lastClock ?? 0) }
        gather(Array(payload), isStart, pid)
    }

    /// `program_clock_reference_base` (§2.4.3.5).
    private mutating func readClock(_ packet: [UInt8]) {
        let clock = packet[6...9].reduce(0) { $0 << 8 | UInt64($1) } << 1 | UInt64(packet[10] >> 7)
        if lastClock == nil { tables = tables.mapValues { $0.map { _ in clock } } }
        lastClock = clock
    }

    private mutating func gather(_ payload: [UInt8], _ isStart: Bool, _ pid: Int) {
        if isStart {
            if firstUnit[pid] == nil { firstUnit[pid] = open[pid] }
            // Behind start code, stream id, length and flags stand as many bytes of header as the ninth says.
            let isPES = payload.starts(with: [0, 0, 1]) && payload.count > 9
            open[pid] = isPES ? Array(payload.dropFirst(9 + Int(payload[8]))) : nil
        } else {
            open[pid]?.append(contentsOf: payload)
        }
    }

    /// `TS_program_map_section` (§2.4.4.8).
    private mutating func readMap(_ section: [UInt8]) {
        let length = Int(section[1] & 0x0F) << 8 | Int(section[2])
        var map = Map(version: section[5] >> 1 & 0x1F, streams: [:])
        var place = 12 + (Int(section[10] & 0x0F) << 8 | Int(section[11]))
        while place + 5 <= 3 + length - 4 {
            map.streams[Int(section[place + 1] & 0x1F) << 8 | Int(section[place + 2])] = section[place]
            place += 5 + (Int(section[place + 3] & 0x0F) << 8 | Int(section[place + 4]))
        }
        if maps.last != map { maps.append(map) }
    }
}
