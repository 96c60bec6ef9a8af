import DeliveryMemory
import Domain
import Foundation
import NIOCore
import TestKit
import Testing

@Suite struct MemoryFileTests {
    @Test func readsWhatWasWrittenAndNoMore() throws {
        let file = try #require(MemoryFile())
        #expect(file.append(ByteBuffer(string: "0123456789")))
        #expect(file.append(ByteBuffer(string: "abc")))
        #expect(String(buffer: file.read(0..<13)) == "0123456789abc")
        #expect(String(buffer: file.read(9..<11)) == "9a")
        #expect(String(buffer: file.read(12..<99)) == "c")
        #expect(file.read(13..<20).readableBytes == 0)
    }

    @Test func givesItsDescriptorBack() throws {
        let open = { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        let before = try open()
        var files = try (0..<50).map { _ in try #require(MemoryFile()) }
        #expect(try open() >= before + 40)
        files.removeAll()
        // Other tests open descriptors meanwhile, though not forty.
        #expect(try open() < before + 40)
    }
}

@Suite struct GzipTests {
    @Test(arguments: [0, 1, 4_000, 300_000]) func unpacksToTheSame(count: Int) throws {
        let text = String((0..<count).map { "#EXTINF:2.000,\n"[$0 % 15] })
        let packed = try #require(HostDeliveryMemory().gzip(ByteBuffer(string: text)))
        #expect(packed.getBytes(at: 0, length: 2) == [0x1F, 0x8B])
        if count > 100 { #expect(packed.readableBytes < count / 10) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("lineup-\(UUID()).gz")
        defer { try? FileManager.default.removeItem(at: file) }  // Only litter in the temporary folder is lost.
        try Data(packed.readableBytesView).write(to: file)
        #expect(try MediaTool.run("gzip", ["-dc", file.path]).text == text)
    }
}

extension String {
    fileprivate subscript(_ offset: Int) -> Character { self[index(startIndex, offsetBy: offset)] }
}
