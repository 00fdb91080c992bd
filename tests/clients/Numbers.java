import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/**
 * numbers.c's contract with Java's producer: java -cp 'JARS/*' Numbers.java BROKERS TOPIC COUNT
 *
 * <p>A header makes each record larger than what Java leaves free in a batch that is full.
 */
public final class Numbers {
    private static final byte[] PADDING = new byte[100];

    private static void tell(String value, RecordMetadata place, Exception problem) {
        if (problem == null) {
            System.out.println("delivered " + value + " " + place.offset());
            return;
        }
        System.out.println("failed " + value + " " + problem.getClass().getSimpleName());
    }

    private static void send(KafkaProducer<String, String> producer, String topic, int number) {
        String value = Integer.toString(number);
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, 0, null, value);
        record.headers().add("padding", PADDING);
        try {
            producer.send(record, (place, problem) -> tell(value, place, problem));
        } catch (RuntimeException problem) {
            tell(value, null, problem);
        }
    }

    public static void main(String[] words) {
        Map<String, Object> settings =
            Map.of("bootstrap.servers", words[0], "enable.idempotence", true, "batch.size", 1,
                "linger.ms", 0, "retry.backoff.ms", 50, "retry.backoff.max.ms", 100,
                "request.timeout.ms", 5000, "delivery.timeout.ms", 20000,
                "reconnect.backoff.ms", 20, "reconnect.backoff.max.ms", 200);
        System.out.println("version " + AppInfoParser.getVersion());
        StringSerializer text = new StringSerializer();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, text, text)) {
            for (int number = 0; number < Integer.parseInt(words[2]); number++)
                send(producer, words[1], number);
            producer.flush();
        }
    }
}
