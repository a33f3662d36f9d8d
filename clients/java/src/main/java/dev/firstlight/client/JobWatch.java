package dev.firstlight.client;

import dev.firstlight.v1.TrainingJob;
import dev.firstlight.v1.TrainingServiceGrpc;
import dev.firstlight.v1.WatchTrainingJobRequest;
import dev.firstlight.v1.WatchTrainingJobResponse;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.concurrent.CancellationException;

/** A training job now, and again at every change, until it has ended. Closing it ends the watch, not the job. */
public final class JobWatch implements Iterator<TrainingJob>, AutoCloseable {
    private final Context.CancellableContext context = Context.current().withCancellation();
    private final Iterator<WatchTrainingJobResponse> responses;

    JobWatch(Channel channel, WatchTrainingJobRequest request) {
        Context before = context.attach(); // the call takes over the context it is made in
        try {
            responses = TrainingServiceGrpc.newBlockingStub(channel).watchTrainingJob(request);
        } finally {
            context.detach(before);
        }
    }

    /** Waits for the next change; false once the job has ended. */
    @Override
    public boolean hasNext() {
        try {
            return responses.hasNext();
        } catch (StatusRuntimeException failure) {
            throw FirstlightException.of(failure);
        }
    }

    @Override
    public TrainingJob next() {
        try {
            return responses.next().getJob();
        } catch (StatusRuntimeException failure) {
            throw FirstlightException.of(failure);
        }
    }

    @Override
    public void close() {
        context.cancel(new CancellationException("the watch was closed"));
    }
}
