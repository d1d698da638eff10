import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The contender `streams`: the small job in Kafka Streams, exactly once, on two threads.
 *
 * <p>As small_job.py has it: each user's total, points and level, in RocksDB with a changelog, and
 * one record per event. The store is cached, as that of an aggregation in its DSL would be. The
 * commit interval is longer than its 100 ms: a backlog needs no latency.
 */
public final class SmallJob {
    private static final long[] LEVELS = {
        0, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000
    };
    private static final int COMMIT_INTERVAL_MS = 1_000;
    private static final String STORE = "standings";
    private static final ObjectMapper JSON = new ObjectMapper();

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Event(
            String user,
            String metric,
            long value,
            Map<String, String> attributes,
            String occurredAt,
            String idempotencyKey) {}

    record Standing(long total, long points, int level) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Told(
            String user,
            String metric,
            long value,
            Map<String, String> attributes,
            String occurredAt,
            String idempotencyKey,
            long total,
            long points,
            int level) {}

    private static final class Judge implements FixedKeyProcessor<String, Event, Told> {
        private FixedKeyProcessorContext<String, Told> context;
        private KeyValueStore<String, Standing> standings;

        @Override
        public void init(FixedKeyProcessorContext<String, Told> given) {
            context = given;
            standings = given.getStateStore(STORE);
        }

        @Override
        public void process(FixedKeyRecord<String, Event> record) {
            Event event = record.value();
            Standing held = standings.get(record.key());
            long total = (held == null ? 0 : held.total()) + event.value();
            long points = (held == null ? 0 : held.points()) + event.value();
            Standing standing = new Standing(total, points, levelAt(points));
            standings.put(record.key(), standing);
            context.forward(
                    record.withValue(
                            new Told(
                                    event.user(),
                                    event.metric(),
                                    event.value(),
                                    event.attributes(),
                                    event.occurredAt(),
                                    event.idempotencyKey(),
                                    total,
                                    points,
                                    standing.level())));
        }
    }

    /** Arguments: bootstrap servers, topic prefix, scratch directory, partitions. */
    public static void main(String[] arguments) {
        String prefix = arguments[1];
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(
                Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(STORE),
                                Serdes.String(),
                                json(Standing.class))
                        .withCachingEnabled());
        builder.stream(prefix + "events", Consumed.with(Serdes.String(), json(Event.class)))
                .processValues(Judge::new, STORE)
                .to(prefix + "output", Produced.with(Serdes.String(), json(Told.class)));

        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, prefix + "streams");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[2] + "/streams");
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_INTERVAL_MS);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");

        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.setUncaughtExceptionHandler(
                error -> {
                    error.printStackTrace();
                    Runtime.getRuntime().halt(1);
                    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static int levelAt(long points) {
        int found = Arrays.binarySearch(LEVELS, points);
        return found >= 0 ? found + 1 : -found - 1;
    }

    private static <T> Serde<T> json(Class<T> type) {
        ObjectReader reader = JSON.readerFor(type);
        ObjectWriter writer = JSON.writerFor(type);
        Serializer<T> write =
                (topic, value) -> {
                    try {
                        return value == null ? null : writer.writeValueAsBytes(value);
                    } catch (IOException error) {
                        throw new UncheckedIOException(error);
                    }
                };
        Deserializer<T> read =
                (topic, bytes) -> {
                    try {
                        return bytes == null ? null : reader.readValue(bytes);
                    } catch (IOException error) {
                        throw new UncheckedIOException(error);
                    }
                };
        return Serdes.serdeFrom(write, read);
    }
}
