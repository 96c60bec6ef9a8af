import Cryptography
import Domain
import NIOCore
import NIOPosix
import OBSProtocol
import TestKit
import Testing

@testable import OBSClient

/// The client against a server of the tests' own, over a real socket.
@Suite(.timeLimit(.minutes(1))) struct OBSClientTests {
    private func client(_ adjust: (inout OBSClient.Limits) -> Void = { _ in }) -> OBSClient {
        var limits = OBSClient.Limits()
        adjust(&limits)
        return OBSClient(group: MultiThreadedEventLoopGroup.singleton, digest: SHA256Digest(), limits: limits)
    }

    private func address(_ server: StudioServer, password: String? = nil, rate: Int = 50) -> OBSAddress {
        OBSAddress(
            host: "127.0.0.1", port: server.port, password: password.map { Secret($0) }, requestsPerSecond: rate)
    }

    private func failure(
        _ behaviour: StudioServer.Behaviour, password: String? = nil,
        _ adjust: (inout OBSClient.Limits) -> Void = { _ in }
    ) async throws -> OBSConnectionError? {
        let server = try await StudioServer.start(behaviour)
        let client = client(adjust)
        let result: OBSConnectionError?
        do throws(OBSConnectionError) {
            let connection = try await client.connect(to: address(server, password: password))
            // It ends by itself, whatever the peer does.
            for await _ in connection.events {}
            do throws(OBSConnectionError) {
                _ = try await connection.perform(OBSBatch([.getStats()]))
                result = nil
            } catch {
                result = error
            }
        } catch {
            result = error
        }
        try await server.stop()
        return result
    }

    @Test func identifiesAndPerformsBatches() async throws {
        let server = try await StudioServer.start(.proper(password: "geheim"))
        let connection = try await client().connect(to: address(server, password: "geheim"))
        #expect(connection.server.webSocketVersion == "5.1.0")
        let replies = try await connection.perform(
            OBSBatch([.setCurrentProgramScene(sceneName: "Live"), .getCurrentProgramScene()]))
        #expect(replies.map(\.isDone) == [true, true])
        #expect(OBSGetCurrentProgramSceneAnswer(replies[1].data)?.currentProgramSceneName == "Live")
        // Several at once get each their own answers.
        let many = try await withThrowingTaskGroup(of: [String].self) { group in
            for number in 0..<10 {
                group.addTask {
                    let batch = OBSBatch(Array(repeating: .getStats(), count: number + 1))
                    return try await connection.perform(batch).map(\.type)
                }
            }
            return try await group.reduce(into: []) { $0.append($1.count) }.sorted()
        }
        #expect(many == Array(1...10))
        connection.close()
        await #expect(throws: OBSConnectionError.self) { try await connection.perform(OBSBatch([.getStats()])) }
        try await server.stop()
    }

    @Test func aWrongPasswordIsToldAsSuch() async throws {
        #expect(try await failure(.proper(password: "geheim"), password: "falsch") == .wrongPassword)
        guard case .broken(let error)? = try await failure(.proper(password: "geheim")) else {
            Issue.record("no password was needed")
            return
        }
        #expect(error.code == .passwordNeeded)
    }

    @Test func closeCodesAreNamed() async throws {
        #expect(try await failure(.closes(4011)) == .closed(4011))
        #expect("\(OBSConnectionError.closed(4011))" == "OBS closed the connection: sessionInvalidated")
    }

    @Test func silenceEndsWithinTheDeadlines() async throws {
        #expect(try await failure(.silentAfterHello) { $0.connectDeadline = .milliseconds(300) } == .timedOut)
        #expect(try await failure(.silentAfterIdentify) { $0.idleSpan = .milliseconds(100) } == .timedOut)
        #expect(try await failure(.hang) { $0.connectDeadline = .milliseconds(300) } == .timedOut)
        #expect(try await failure(.drip) { $0.connectDeadline = .milliseconds(300) } == .timedOut)
    }

    @Test func anAnswerThatNeverComesEndsTheConnection() async throws {
        let server = try await StudioServer.start(.silentAfterIdentify)
        let connection = try await client { $0.answerDeadline = .milliseconds(200) }.connect(to: address(server))
        await #expect(throws: OBSConnectionError.timedOut) { try await connection.perform(OBSBatch([.getStats()])) }
        try await server.stop()
    }

    @Test func floodsAndEndlessMessagesEndTheConnection() async throws {
        #expect(try await failure(.flood) == .flood)
        guard case .broken? = try await failure(.endlessMessage) else {
            Issue.record("it was taken")
            return
        }
        let huge = "\"" + String(repeating: "x", count: 3 * 1024 * 1024) + "\""
        let error = try await failure(.says(huge))
        #expect(error != nil && error != .timedOut)
    }

    @Test(arguments: ["no JSON", #"{"op":5}"#, #"{"op":0,"d":{"rpcVersion":1}}"#, String(repeating: "[", count: 5000)])
    func aMessageThatIsNoneEndsTheConnectionWithAReason(_ text: String) async throws {
        guard case .broken(let error)? = try await failure(.says(text)) else {
            Issue.record("it was taken")
            return
        }
        #expect(!error.description.isEmpty)
    }

    @Test func whatIsNoWebSocketIsToldAsSuch() async throws {
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        let error = try await failure(.plain(page)) { $0.connectDeadline = .seconds(3) }
        #expect(error == .noWebSocket || error == .closed(nil), "\(String(describing: error))")
        let server = try await StudioServer.start(.hang)
        let gone = address(server)
        try await server.stop()
        await #expect(throws: OBSConnectionError.unreachable) { try await client().connect(to: gone) }
    }

    @Test func cancellingEndsATryAtOnce() async throws {
        let server = try await StudioServer.start(.silentAfterHello)
        let (client, address) = (client(), address(server))
        let trying = Task { try await client.connect(to: address) }
        while server.connections.count == 0 { await Task.yield() }
        trying.cancel()
        await #expect(throws: OBSConnectionError.self) { try await trying.value }
        try await server.stop()
    }

    @Test func neverMoreRequestsASecondThanSet() {
        var pace = RequestPace(perSecond: 10)
        let start = NIODeadline.now()
        var sent: [NIODeadline] = []
        for _ in 0..<60 { sent.append(pace.place(for: 1, now: start)) }
        #expect(sent.prefix(10).allSatisfy { $0 == start })
        for (index, time) in sent.enumerated() where index >= 10 {
            #expect(time == start + .milliseconds(100 * Int64(index - 9)))
        }
        // After a rest the burst is there again; a batch larger than the rate is not held for ever.
        let later = start + .seconds(100)
        #expect(pace.place(for: 10, now: later) == later)
        #expect(pace.place(for: 30, now: later) - later == .seconds(1))
        #expect(pace.place(for: 1, now: later) - later >= .seconds(3))
    }
}
