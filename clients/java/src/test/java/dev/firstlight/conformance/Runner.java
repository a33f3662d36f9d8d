package dev.firstlight.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.util.HashMap;
import java.util.Map;

/** Runs the cases of tests/conformance, or the benchmark, with the Java client; prints JSON, one object on a line. */
public final class Runner {
    static final Gson JSON =
            new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int at = 1; at + 1 < args.length; at += 2) {
            options.put(args[at].substring("--".length()), args[at + 1]);
        }
        switch (args.length > 0 ? args[0] : "") {
            case "conformance" -> System.out.println(JSON.toJson(Cases.run(options)));
            case "bench" -> Bench.run(options);
            default -> throw new IllegalArgumentException("conformance or bench, with --options");
        }
        System.exit(0); // threads of gRPC linger
    }
}
