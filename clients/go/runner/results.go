package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

func list(r *v1.Recommendation) any {
	return object{
		"items": collect(r.GetItems(), func(i *v1.RecommendedItem) any {
			code := ""
			if i.Reason != nil {
				code = strings.TrimPrefix(i.Reason.Code.String(), "CODE_")
			}
			return []string{i.ItemId, i.Source, code}
		}),
		"scenario":          strings.TrimPrefix(r.GetScenario().String(), "SCENARIO_"),
		"strategy":          r.GetStrategy(),
		"route":             strings.TrimPrefix(r.GetRoute().String(), "ROUTE_"),
		"bundle_id":         r.GetBundleId(),
		"attribution_token": r.GetAttributionToken(),
		"degraded": collect(r.GetDegraded(), func(d *v1.Degradation) any {
			return []string{strings.TrimPrefix(d.Reason.String(), "REASON_"), d.Component}
		}),
	}
}

func written(w *v1.BatchWriteInteractionsResponse) any {
	return object{
		"write_token": w.GetWriteToken(), "written": w.GetWrittenCount(), "unchanged": w.GetUnchangedCount(),
	}
}

func upserted(r interface {
	GetWriteToken() string
	GetUnknownAttributes() []string
}) any {
	unknown := append([]string{}, r.GetUnknownAttributes()...)
	return object{"write_token": r.GetWriteToken(), "unknown_attributes": unknown}
}

func job(j *v1.TrainingJob) any { return object{"job_id": j.GetJobId(), "state": state(j)} }

func state(j *v1.TrainingJob) string { return strings.TrimPrefix(j.GetState().String(), "STATE_") }

// failure is the outcome of a call that failed.
func failure(err error) any {
	var failed *firstlight.Error
	if !errors.As(err, &failed) {
		return crash(err)
	}
	metadata := failed.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	fields := object{
		"class": "Error", "code": code.Code_name[int32(failed.Code)], "reason": failed.Reason, "metadata": metadata,
	}
	for name, class := range map[string]firstlight.Class{
		"InvalidInput": firstlight.InvalidInput, "NotFound": firstlight.NotFound, "Conflict": firstlight.Conflict,
		"Precondition": firstlight.Precondition, "CorruptBundle": firstlight.CorruptBundle,
		"Unavailable": firstlight.Unavailable, "Deadline": firstlight.Deadline,
	} {
		if errors.Is(err, class) {
			fields["class"] = name
		}
	}
	if failed.Code == codes.InvalidArgument {
		fields["total"] = failed.Total
		fields["violations"] = collect(failed.Violations, func(v firstlight.Violation) any {
			return []string{v.Field, v.Description}
		})
	}
	return object{"error": fields}
}

// pack turns plain JSON into attributes.
func pack(attributes map[string]any) map[string]*firstlight.Value {
	packed := map[string]*firstlight.Value{}
	for name, value := range attributes {
		switch value := value.(type) {
		case string:
			packed[name] = firstlight.String(value)
		case bool:
			packed[name] = firstlight.Bool(value)
		case json.Number:
			if whole, err := value.Int64(); err == nil {
				packed[name] = firstlight.Int(whole)
			} else {
				packed[name] = firstlight.Float(number(value))
			}
		case []any:
			packed[name] = firstlight.Strings(collect(value, func(each any) string { return each.(string) })...)
		default:
			panic(fmt.Sprintf("%v is no value of an attribute", value))
		}
	}
	return packed
}

// plain turns attributes into plain JSON; a time is text in RFC 3339.
func plain(attributes map[string]*firstlight.Value) any {
	made := object{}
	for name, value := range attributes {
		switch value := value.GetValue().(type) {
		case *v1.AttributeValue_StringValue:
			made[name] = value.StringValue
		case *v1.AttributeValue_BoolValue:
			made[name] = value.BoolValue
		case *v1.AttributeValue_Int64Value:
			made[name] = value.Int64Value
		case *v1.AttributeValue_DoubleValue:
			made[name] = value.DoubleValue
		case *v1.AttributeValue_StringListValue:
			made[name] = append([]string{}, value.StringListValue.Values...)
		case *v1.AttributeValue_FloatVectorValue:
			made[name] = append([]float32{}, value.FloatVectorValue.Values...)
		case *v1.AttributeValue_TimestampValue:
			made[name] = value.TimestampValue.AsTime().Format(time.RFC3339Nano)
		}
	}
	return made
}

func number(value any) float64 {
	parsed, err := value.(json.Number).Float64()
	if err != nil {
		panic(err)
	}
	return parsed
}
