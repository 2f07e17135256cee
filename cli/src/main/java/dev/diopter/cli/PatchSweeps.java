package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.attention.HeadId;
import dev.diopter.lens.patching.ActivationPatching;
import dev.diopter.lens.patching.EdgeKnockout;
import dev.diopter.lens.patching.EverySweep;
import dev.diopter.lens.patching.KnockoutRequest;
import dev.diopter.lens.patching.PatchCost;
import dev.diopter.lens.patching.PatchMetric;
import dev.diopter.lens.patching.PatchRequest;
import dev.diopter.lens.patching.PatchResult;
import dev.diopter.lens.patching.PatchSite;
import dev.diopter.lens.patching.PathPatching;
import dev.diopter.lens.patching.PathRequest;
import dev.diopter.lens.patching.Sweep;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which sweeps {@code diopter patch} makes. */
final class PatchSweeps {
  private static final String EDGES = "edge_knockout";
  private static final String EDGES_BY_HEAD = "edge_knockout_by_head";
  private static final Pattern HEAD = Pattern.compile("[lL]?(\\d{1,5})[hH.](\\d{1,5})");

  @Option(
      names = "--sites",
      paramLabel = "NAMES",
      description =
          "What to patch, with commas between: resid_pre, resid_mid, resid_post, attn_out, mlp_out,"
              + " attn_head_{out,q,k,v,pattern}_{all_pos,by_pos}, attn_head_pattern_dest_src_pos,"
              + " attn_head_{all_pos,by_pos}_every, block_every, path_{q,k,v,logits},"
              + " edge_knockout, edge_knockout_by_head.")
  private String sites = "resid_pre,attn_out,mlp_out,attn_head_out_all_pos";

  @Option(
      names = "--noise",
      description =
          "Corrupt values into the clean run; clean ones into the corrupt run unless given.")
  private boolean noise;

  @Option(
      names = "--senders",
      paramLabel = "L0H1,...",
      description = "For paths: the heads that send.")
  private @Nullable String senders;

  @Option(
      names = "--through-mlps",
      description = "For paths: compute MLPs on the way instead of holding them.")
  private boolean throughMlps;

  @Option(
      names = "--destinations",
      paramLabel = "1,2,3",
      description = "For edges: the queries that lose one; the last position unless given.")
  private String destinations = "-1";

  @Option(
      names = "--window",
      paramLabel = "N",
      description = "For edges: layers that lose one together; 1 unless given.")
  private int window = 1;

  @Option(
      names = "--memory",
      paramLabel = "MB",
      description = "About how much memory runs that are made together may take; 256 unless given.")
  private int memory = (int) (PatchRequest.MEMORY_BYTES >> 20);

  private final List<String> names = new ArrayList<>();
  private final List<PatchSite> patched = new ArrayList<>();
  private final List<PathRequest.Receiver> receivers = new ArrayList<>();

  /** Fails where a name or number cannot be; before a model is loaded. */
  void validate() {
    if (memory < 1) {
      throw new UsageException("--memory: expected 1 or more, got " + memory);
    }
    for (String entry : sites.split(",", -1)) {
      String name = entry.strip();
      names.add(name);
      PathRequest.Receiver receiver = receiver(name);
      if (receiver != null) {
        receivers.add(receiver);
      } else if (!isEdges(name)) {
        patched.addAll(parse(name));
      }
    }
    if (receivers.isEmpty() != (senders == null)) {
      throw new UsageException(
          "paths: expected --senders together with path_q, path_k, path_v or path_logits");
    }
    if (senders != null) {
      heads(senders);
    }
    TokenIds.parse("--destinations", destinations);
  }

  private static boolean isEdges(String name) {
    return name.equals(EDGES) || name.equals(EDGES_BY_HEAD);
  }

  private static PathRequest.@Nullable Receiver receiver(String name) {
    return Arrays.stream(PathRequest.Receiver.values())
        .filter(r -> r.label().equals(name))
        .findFirst()
        .orElse(null);
  }

  private static List<PatchSite> parse(String name) {
    List<String> all = new ArrayList<>(PatchSite.names());
    for (PathRequest.Receiver receiver : PathRequest.Receiver.values()) {
      all.add(receiver.label());
    }
    all.add(EDGES);
    all.add(EDGES_BY_HEAD);
    if (!all.contains(name)) {
      List<String> nearest = Nearest.of(name, all);
      throw new UsageException(
          "--sites: unknown sweep '%s'; %s"
              .formatted(
                  Text.fit(name, 40),
                  nearest.isEmpty()
                      ? "expected " + String.join(", ", all)
                      : "nearest: " + String.join(", ", nearest)));
    }
    return PatchSite.parse(name);
  }

  private static List<HeadId> heads(String list) {
    List<HeadId> heads = new ArrayList<>();
    for (String entry : list.split(",", -1)) {
      Matcher matcher = HEAD.matcher(entry.strip());
      if (!matcher.matches()) {
        throw new UsageException(
            "--senders: expected heads such as L2H0,L3H1, got '%s'".formatted(entry));
      }
      heads.add(new HeadId(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))));
    }
    return heads;
  }

  /** What came out, in the order of the names. */
  record Swept(List<Named> named, PatchCost cost, float[] clean, float[] corrupt) {
    List<Sweep> sweeps() {
      return named.stream().map(Named::sweep).toList();
    }
  }

  /** A sweep and the metric of the run that it changes. */
  record Named(Sweep sweep, double unpatched) {}

  /** The name of the direction. */
  String direction() {
    return noise ? "noise" : "denoise";
  }

  /** What is to be run. */
  private record Requests(
      PatchRequest sites, @Nullable PathRequest paths, Map<String, KnockoutRequest> edges) {

    /** The most that all of it costs; fails where some of it does not fit the model. */
    PatchCost most(DecoderConfig config) {
      PatchCost sum = sites.sites().isEmpty() ? PatchCost.NONE : sites.most(config);
      sum = paths == null ? sum : sum.plus(paths.most(config));
      for (KnockoutRequest edge : edges.values()) {
        sum = sum.plus(edge.cost(config));
      }
      return sum;
    }
  }

  private Requests requests(Prompt clean, Prompt corrupt, PatchMetric metric) {
    PatchRequest.Direction direction =
        noise ? PatchRequest.Direction.NOISE : PatchRequest.Direction.DENOISE;
    long bytes = (long) memory << 20;
    Map<String, KnockoutRequest> edges = new LinkedHashMap<>();
    for (String name : names) {
      if (isEdges(name)) {
        int[] queries = TokenIds.parse("--destinations", destinations);
        boolean byHead = name.equals(EDGES_BY_HEAD);
        edges.put(
            name, new KnockoutRequest(clean, corrupt, queries, window, byHead, metric, bytes));
      }
    }
    PathRequest paths = null;
    if (senders != null) {
      PathRequest.Through through =
          throughMlps ? PathRequest.Through.MLPS : PathRequest.Through.DIRECT;
      paths =
          new PathRequest(
              clean, corrupt, heads(senders), receivers, through, metric, direction, bytes);
    }
    return new Requests(
        new PatchRequest(clean, corrupt, patched, metric, direction, bytes), paths, edges);
  }

  /** What it costs at most. */
  PatchEstimate estimate(Model model, Prompt clean, Prompt corrupt, PatchMetric metric) {
    PatchCost most = requests(clean, corrupt, metric).most(model.config());
    int hooks = (int) patched.stream().map(PatchSite::site).distinct().count();
    return PatchEstimate.of(
        model, most, clean.length(), hooks + (senders == null ? 0 : 2), (long) memory << 20);
  }

  /** How often {@code layersDone} is called. */
  int steps(Model model) {
    return (int) patched.stream().map(PatchSite::site).distinct().count() * model.config().layers();
  }

  Swept run(Model model, Prompt clean, Prompt corrupt, PatchMetric metric, IntConsumer layersDone) {
    List<PatchResult> results = new ArrayList<>();
    Map<String, Named> found = new LinkedHashMap<>();
    // Everything is checked before anything runs.
    Requests requests = requests(clean, corrupt, metric);
    var _ = requests.most(model.config());
    if (requests.paths() != null) {
      results.add(PathPatching.run(model, requests.paths()));
    }
    requests
        .edges()
        .forEach((name, edge) -> {
          PatchResult result = EdgeKnockout.run(model, edge);
          results.add(result);
          Sweep s = result.sweeps().getFirst();
          found.put(
              name,
              new Named(new Sweep(name, s.axes(), s.shape(), s.values()), result.unpatched()));
        });
    if (!patched.isEmpty()) {
      PatchResult result = ActivationPatching.run(model, requests.sites(), layersDone);
      results.addFirst(result);
      for (EverySweep every : EverySweep.values()) {
        if (names.contains(every.label())) {
          found.put(every.label(), new Named(every.stack(result), result.unpatched()));
        }
      }
    }
    for (PatchResult r : results) {
      r.sweeps().forEach(s -> found.putIfAbsent(s.name(), new Named(s, r.unpatched())));
    }
    List<Named> named =
        names.stream().distinct().map(n -> Objects.requireNonNull(found.get(n))).toList();
    PatchResult first = results.getFirst();
    return new Swept(named, cost(results), first.cleanLogits(), first.corruptLogits());
  }

  private static PatchCost cost(List<PatchResult> results) {
    PatchCost sum = PatchCost.NONE;
    for (PatchResult result : results) {
      sum = sum.plus(result.cost());
    }
    return sum;
  }
}
