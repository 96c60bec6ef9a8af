import Domain
package import NIOCore

/// Reads an FLV file that is in memory as a whole (Adobe Flash Video 10.1 §E.2-E.4): what a worker process wrote.
///
///     "FLV" · version 8 · flags 8 · header size 32 · previous size 32
///     then per tag: type 8 · size 24 · timestamp 24 · its high byte 8 · stream id 24 · body · previous size 32
package struct FLVFileReader: Sendable {
    private static let audioTag: UInt8 = 8
    private static let videoTag: UInt8 = 9
    private static let scriptTag: UInt8 = 18

    private var file: ByteBuffer
    private var decoder = MediaTagDecoder()

    /// - Throws: `RTMPError(.malformedFile)` when the header is not FLV's.
    package init(_ file: ByteBuffer) throws(RTMPError) {
        self.file = file
        guard let signature = self.file.readString(length: 3), signature == "FLV",
            let versionAndFlags = self.file.readInteger(as: UInt16.self), versionAndFlags >> 8 == 1,
            let headerSize = self.file.readInteger(as: UInt32.self), headerSize >= 9,
            self.file.readSlice(length: Int(headerSize) - 9) != nil,
            self.file.readInteger(as: UInt32.self) != nil
        else { throw RTMPError(.malformedFile, "The file does not begin as FLV does.") }
    }

    /// The next event, or `nil` at the end. A last tag that is cut short is left out.
    /// - Throws: `RTMPError` for metadata that is damaged.
    package mutating func next() throws(RTMPError) -> MediaEvent? {
        if let event = decoder.nextEvent() { return event }
        while let type = file.readInteger(as: UInt8.self) {
            guard let size = file.readUInt24(), let low = file.readUInt24(),
                let high = file.readInteger(as: UInt8.self),
                file.readUInt24() != nil, let body = file.readSlice(length: Int(size)),
                file.readInteger(as: UInt32.self) != nil
            else { return nil }
            let timestamp = UInt32(high) << 24 | low
            switch type & 0x1F {
            case Self.audioTag:
                if let event = try decoder.audioReceived(body, timestamp: timestamp) { return event }
            case Self.videoTag:
                if let event = try decoder.videoReceived(body, timestamp: timestamp) { return event }
            case Self.scriptTag:
                if let metadata = try StreamMetadata(dataMessage: body) { return .metadata(metadata) }
            default: break  // Reserved; skipped, as the specification asks.
            }
        }
        return nil
    }
}
