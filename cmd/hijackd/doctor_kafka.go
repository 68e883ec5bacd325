package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hijackd/hijackd/ingest/broker"
)

// need is how a topic must be.
type need struct {
	name      string
	what      string // goes into it
	own       bool   // hijackd makes it
	policy    string // cleanup.policy; empty: any
	retention time.Duration
	like      string // a topic that has as many partitions
}

// needs are the topics that hijackd works with, as it makes them itself.
func needs(k *KafkaConfig) []need {
	const day = 24 * time.Hour
	signals := k.Topic + ".signals"
	return []need{
		{name: k.Topic, what: "session events", policy: "delete", retention: day},
		{name: k.Topic + ".sightings", what: "sightings", own: true, policy: "delete", retention: 7 * day},
		{name: signals, what: "findings and orders", own: true, policy: "delete", retention: 7 * day},
		{name: k.Topic + ".response", what: "the response log", own: true, policy: "delete", retention: 30 * day, like: signals},
		{name: k.DeadLetterTopic, what: "dead letters", own: true},
		{name: k.FindingsTopic, what: "decided findings", own: true},
		{name: k.RevocationsTopic, what: "revoked fingerprints", own: true, policy: "compact"},
	}
}

// kafkaDoctor asks what only an operator asks.
type kafkaDoctor struct {
	*doctor
	client     *broker.Client
	admin      *kafka.Client
	partitions map[string]int
}

func (d *doctor) kafka(ctx context.Context) {
	client, err := broker.New(d.cfg.broker())
	if err == nil {
		defer client.Close()
		err = client.Ping(ctx)
	}
	if err != nil {
		d.say(failing, "kafka", "check kafka.brokers, kafka.tls and kafka.sasl", "%v", err)
		return
	}
	dialer := client.Dialer()
	transport := &kafka.Transport{TLS: dialer.TLS, SASL: dialer.SASLMechanism, DialTimeout: dialer.Timeout, ClientID: dialer.ClientID}
	defer transport.CloseIdleConnections()
	k := &kafkaDoctor{doctor: d, client: client, partitions: map[string]int{},
		admin: &kafka.Client{Addr: kafka.TCP(client.Brokers()...), Transport: transport, Timeout: checkTime}}
	d.say(healthy, "kafka", "", "a broker of %s answers", strings.Join(client.Brokers(), ", "))
	for _, n := range needs(&d.cfg.Kafka) {
		k.topic(ctx, n)
	}
	k.writers(ctx)
}

// topic checks one topic.
func (k *kafkaDoctor) topic(ctx context.Context, n need) {
	count, err := k.client.Partitions(ctx, n.name)
	switch {
	case err != nil:
		k.say(failing, "topic", "", "%v", err)
		return
	case count == 0 && n.own && k.cfg.Kafka.CreateTopics:
		k.say(ailing, "topic", "hijackd run makes it", "%s (%s) does not exist yet", n.name, n.what)
		return
	case count == 0:
		k.say(failing, "topic", n.command(k.client.Brokers()[0]), "%s (%s) does not exist, or may not be described", n.name, n.what)
		return
	}
	k.partitions[n.name] = count
	if like, known := k.partitions[n.like]; known && like != count {
		k.say(failing, "topic", "stop hijackd; make it anew with as many partitions", "%s has %d partitions, and %s has %d: they must be as many", n.name, count, n.like, like)
		return
	}
	settings, err := k.settings(ctx, n.name)
	if err != nil {
		k.say(ailing, "topic", "grant hijackd's user DescribeConfigs on it to have them checked", "%s (%s): %s; its settings can't be read: %v",
			n.name, n.what, counted(count, "partition"), err)
		return
	}
	if wrong, hint := n.wrong(settings); wrong != "" {
		k.say(failing, "topic", hint, "%s (%s): %s", n.name, n.what, wrong)
		return
	}
	k.say(healthy, "topic", "", "%s (%s): %s%s", n.name, n.what, counted(count, "partition"), described(settings))
}

// wrong says which setting loses what hijackd relies on.
func (n *need) wrong(settings map[string]string) (what, hint string) {
	alter := "kafka-configs.sh --alter --topic " + n.name + " --add-config "
	if got := settings["cleanup.policy"]; n.policy != "" && got != "" && got != n.policy {
		return "cleanup.policy is " + got + " and must be " + n.policy, alter + "cleanup.policy=" + n.policy
	}
	ms, err := strconv.ParseInt(settings["retention.ms"], 10, 64)
	if err == nil && ms >= 0 && time.Duration(ms)*time.Millisecond < n.retention {
		return fmt.Sprintf("records are kept for %s, and must be for %s", days(time.Duration(ms)*time.Millisecond), days(n.retention)),
			alter + "retention.ms=" + strconv.FormatInt(n.retention.Milliseconds(), 10)
	}
	return "", ""
}

func (n *need) command(address string) string {
	c := "kafka-topics.sh --bootstrap-server " + address + " --create --topic " + n.name
	if n.policy != "" {
		c += " --config cleanup.policy=" + n.policy
	}
	if n.retention > 0 && n.own {
		c += " --config retention.ms=" + strconv.FormatInt(n.retention.Milliseconds(), 10)
	}
	return c
}

func days(d time.Duration) string {
	if d >= 24*time.Hour {
		return counted(int(d/(24*time.Hour)), "day")
	}
	return d.String()
}

func described(settings map[string]string) string {
	text := ""
	if p := settings["cleanup.policy"]; p != "" {
		text = ", " + p
	}
	ms, err := strconv.ParseInt(settings["retention.ms"], 10, 64)
	switch {
	case err != nil || strings.Contains(text, "compact"):
	case ms < 0:
		text += ", kept for ever"
	default:
		text += ", kept for " + days(time.Duration(ms)*time.Millisecond)
	}
	return text
}

func (k *kafkaDoctor) settings(ctx context.Context, topic string) (map[string]string, error) {
	resp, err := k.admin.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"cleanup.policy", "retention.ms"}}}})
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	for _, r := range resp.Resources {
		if r.Error != nil {
			return nil, r.Error
		}
		for _, e := range r.ConfigEntries {
			settings[e.ConfigName] = e.ConfigValue
		}
	}
	return settings, nil
}

// writers says who may write the signals topic: whoever may can order revocations, and stop them.
func (k *kafkaDoctor) writers(ctx context.Context) {
	topic := k.cfg.Kafka.Topic + ".signals"
	resp, err := k.admin.DescribeACLs(ctx, &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{ResourceTypeFilter: kafka.ResourceTypeTopic,
		ResourcePatternTypeFilter: kafka.PatternTypeAny, Operation: kafka.ACLOperationTypeAny, PermissionType: kafka.ACLPermissionTypeAny}})
	if err == nil {
		err = resp.Error
	}
	granted := "hijackd's user: all on topics " + k.cfg.Kafka.Topic + "*, " + k.cfg.Kafka.FindingsTopic + ", " + k.cfg.Kafka.RevocationsTopic + " and group " + k.cfg.Kafka.Group +
		"; operators: Write on " + topic + ", Read on " + k.cfg.Kafka.Topic + ".response; apps: Write on " + k.cfg.Kafka.Topic + " alone"
	switch {
	case errors.Is(err, kafka.SecurityDisabled):
		k.say(ailing, "acl", "switch an authorizer on and grant: "+granted, "the brokers check no rights: whoever reaches them can write %s and so order revocations", topic)
	case err != nil:
		k.say(ailing, "acl", "who may write "+topic+" can order revocations. Grant: "+granted, "the rights can't be described: %v", err)
	default:
		names := mayWrite(resp.Resources, topic)
		if len(names) == 0 || slices.Contains(names, "User:*") {
			k.say(ailing, "acl", "grant: "+granted, "no rule limits who may write %s and so order revocations: the authorizer's default decides, or everybody may", topic)
			return
		}
		k.say(healthy, "acl", "", "%s may write %s and so order revocations", strings.Join(names, ", "), topic)
	}
}

// mayWrite lists who is granted to write a topic, by its name, a beginning of it, or all names.
func mayWrite(rules []kafka.ACLResource, topic string) (names []string) {
	for _, r := range rules {
		if r.ResourceName != topic && r.ResourceName != "*" && (r.PatternType != kafka.PatternTypePrefixed || !strings.HasPrefix(topic, r.ResourceName)) {
			continue
		}
		for _, a := range r.ACLs {
			if a.PermissionType == kafka.ACLPermissionTypeAllow && (a.Operation == kafka.ACLOperationTypeWrite || a.Operation == kafka.ACLOperationTypeAll) {
				names = append(names, a.Principal)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
