import Cryptography
import Domain
import Testing

@Suite(.timeLimit(.minutes(1))) struct Argon2PasswordsTests {
    private let cheap = Argon2Passwords.Cost(memoryKibibytes: 64, passes: 1)

    @Test func writesItsParametersIntoTheHash() async throws {
        let passwords = Argon2Passwords(random: SystemRandomBytes())
        let hash = try await passwords.hash(Secret("correct horse"))
        let parts = hash.exposed.split(separator: "$").map(String.init)
        #expect(parts.prefix(3) == ["argon2id", "v=19", "m=19456,t=2,p=1"])
        // 16 and 32 bytes in base64 without padding.
        #expect(parts.map(\.count).suffix(2) == [22, 43])
        #expect(try await passwords.verify(Secret("correct horse"), against: hash))
        #expect(try await !passwords.verify(Secret("correct house"), against: hash))
    }

    @Test func saltsEachHash() async throws {
        let passwords = Argon2Passwords(random: SystemRandomBytes(), cost: cheap)
        let first = try await passwords.hash(Secret("same"))
        let second = try await passwords.hash(Secret("same"))
        #expect(first != second)
    }

    @Test func verifiesHashesOfAnotherCost() async throws {
        let hash = try await Argon2Passwords(random: SystemRandomBytes(), cost: cheap).hash(Secret("päss 🎧"))
        let passwords = Argon2Passwords(random: SystemRandomBytes())
        #expect(try await passwords.verify(Secret("päss 🎧"), against: hash))
    }

    @Test(arguments: ["", "nonsense", "$argon2id$v=19$m=64,t=1,p=1$", "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA"])
    func refusesWhatIsNoHash(text: String) async throws {
        let passwords = Argon2Passwords(random: SystemRandomBytes(), cost: cheap)
        await #expect(throws: PasswordHashingError.self) {
            try await passwords.verify(Secret("x"), against: Secret(text))
        }
    }

    @Test func saysBusyWhenTheWaitingLineIsFullAndWorksOnAfterwards() async throws {
        let passwords = Argon2Passwords(random: SystemRandomBytes(), maximumRunning: 1, maximumWaiting: 2)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do {
                        _ = try await passwords.hash(Secret("x"))
                        return true
                    } catch {
                        return error as? PasswordHashingError != .busy
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains(false))
        #expect(outcomes.filter { $0 }.count >= 3)
        #expect(try await passwords.hash(Secret("x")).exposed.isEmpty == false)
    }
}
