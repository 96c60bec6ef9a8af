import Domain
import PostgresTestKit
import Testing

@testable import PostgresStore

@Suite(.timeLimit(.minutes(1))) struct ConnectionVitalsTests {
    private let now = ContinuousClock.now

    @Test func aCallThatTakesTooLongIsNamedWhileItRuns() {
        let vitals = ConnectionVitals()
        vitals.began(at: now)
        #expect(vitals.problem(at: now + .milliseconds(999)) == nil)
        #expect(vitals.problem(at: now + .milliseconds(1001)) == "The database does not answer.")
        #expect(!vitals.isUnknown(at: now + .seconds(60)), "asking again would wait as long")
        vitals.ended(nil, at: now + .seconds(2))
        #expect(vitals.problem(at: now + .seconds(2)) == nil)
    }

    @Test func aFailureStaysUntilACallSucceeds() {
        let vitals = ConnectionVitals()
        vitals.began(at: now)
        vitals.ended(PostgresError(.connection, "no route to host db.internal, user lineup"), at: now)
        let cause = vitals.problem(at: now)
        #expect(cause?.contains("cannot be reached") == true)
        #expect(cause?.contains("db.internal") == false, "what libpq says is for the log")
        // What the caller did wrong says nothing about the database.
        vitals.began(at: now)
        vitals.ended(PostgresError(.constraint, "x"), at: now)
        #expect(vitals.problem(at: now) == cause)
        vitals.began(at: now)
        vitals.ended(nil, at: now)
        #expect(vitals.problem(at: now) == nil)
    }

    @Test func whatWasLongAgoSaysNothing() {
        let vitals = ConnectionVitals()
        #expect(vitals.isUnknown(at: now))
        vitals.ended(nil, at: now)
        #expect(!vitals.isUnknown(at: now + .seconds(3)))
        #expect(vitals.isUnknown(at: now + .seconds(3) + .milliseconds(1)))
    }

    @Test func readinessAsksWhereNothingWasAskedLately() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        let check = await store.readiness()
        #expect(check.map(\.isOK) == [true] && check.first?.name == "database")
        await store.close()
        let nowhere = PostgresStore(
            DatabaseConfiguration(host: "127.0.0.1", port: 1, user: "someone", database: "nothing", password: nil),
            logger: TestDatabase.logger)
        let failed = await nowhere.readiness().first
        #expect(failed?.isOK == false)
        #expect(failed?.cause?.contains("someone") == false && failed?.cause?.contains("127.0.0.1") == false)
        await nowhere.close()
    }
}
