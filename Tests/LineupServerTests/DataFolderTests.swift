import Cryptography
import Domain
import Foundation
import LineupServer
import Testing

@Suite struct DataFolderTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "lineup-\(UInt32.random(in: 0 ... .max))")
        defer { try? FileManager.default.removeItem(at: url) }
        try body(url)
    }

    @Test func oneServerAtATimeHoldsAFolder() throws {
        try withFolder { url in
            let folder = DataFolder(url)
            try folder.prepare()
            #expect(!folder.isServed())
            do {
                let lock = try folder.lock()
                #expect(folder.isServed())
                let error = #expect(throws: StartError.self) { try folder.lock() }
                #expect(error?.description.contains("Another lineup server") == true)
                withExtendedLifetime(lock) {}
            }
            #expect(!folder.isServed())
        }
    }

    @Test func aFolderIsOneInstanceForEver() throws {
        try withFolder { url in
            let folder = DataFolder(url)
            try folder.prepare()
            let instance = try folder.instance()
            #expect(try DataFolder(url).instance() == instance)
            try Data("nonsense".utf8).write(to: url.appendingPathComponent("instance"))
            let error = #expect(throws: StartError.self) { try folder.instance() }
            #expect(error?.description.contains("delete it") == true)
        }
    }

    @Test func itsSecretKeyIsMadeOnceAndForItsOwnerOnly() throws {
        try withFolder { url in
            let folder = DataFolder(url)
            try folder.prepare()
            let key = try folder.secretKey(random: SystemRandomBytes())
            #expect(key.exposed.count == 64)
            #expect(try DataFolder(url).secretKey(random: SystemRandomBytes()) == key)
            let file = url.appendingPathComponent("secret.key").path
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(chmod(file, 0o640) == 0)
            let open = #expect(throws: StartError.self) { try folder.secretKey(random: SystemRandomBytes()) }
            #expect(open?.description.contains("chmod 600") == true)
            #expect(chmod(file, 0o600) == 0)
            try Data("nonsense".utf8).write(to: URL(fileURLWithPath: file))
            #expect(chmod(file, 0o600) == 0)
            let broken = #expect(throws: StartError.self) { try folder.secretKey(random: SystemRandomBytes()) }
            #expect(broken?.description.contains("holds no key") == true)
        }
    }

    @Test func aCommandWorksInTheServersSteadOnlyWhileNoServerRuns() async throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "lineup-\(UInt32.random(in: 0 ... .max))")
        defer { try? FileManager.default.removeItem(at: url) }
        let folder = DataFolder(url)
        try folder.prepare()
        var command = try await folder.lockForCommand()
        #expect(command != nil)
        #expect(!folder.isServed())
        // A server has the folder at once, and waits for the command before it goes on.
        let server = try folder.lock()
        let (steps, step) = AsyncStream.makeStream(of: String.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await folder.waitForCommands()
                step.yield("server")
                step.finish()
            }
            step.yield("command")
            withExtendedLifetime(command) {}
            command = nil
            try await group.waitForAll()
        }
        #expect(await steps.reduce(into: []) { $0.append($1) } == ["command", "server"])
        #expect(try await folder.lockForCommand() == nil)
        withExtendedLifetime(server) {}
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        try withFolder { url in
            try Data("a file".utf8).write(to: url)
            let folder = DataFolder(url.appendingPathComponent("data"))
            let error = #expect(throws: StartError.self) { try folder.prepare() }
            #expect(error?.description.contains("LINEUP_DATA_DIR") == true)
        }
    }

    @Test func aPathTooLongForASocketIsRefusedBeforeAnythingIsMade() throws {
        try withFolder { url in
            let folder = DataFolder(url.appendingPathComponent(String(repeating: "x", count: 100)))
            let error = #expect(throws: StartError.self) { try folder.prepare() }
            #expect(error?.description.contains("too long") == true)
            #expect(error?.description.contains("LINEUP_DATA_DIR") == true)
            #expect(!FileManager.default.fileExists(atPath: folder.url.path))
        }
    }

    @Test func aPortInUseIsSeen() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, size)
                _ = listen(descriptor, 1)
                _ = getsockname(descriptor, $0, &size)
            }
        }
        #expect(!PortProbe.isFree(Int(UInt16(bigEndian: address.sin_port)), on: "127.0.0.1"))
        #expect(!PortProbe.isFree(70_000, on: "127.0.0.1"))
        #expect(!PortProbe.isFree(8080, on: "not an address"))
    }
}
