//! The manifests that come with the binary.

/// Each manifest's file name and text.
pub fn builtin() -> &'static [(&'static str, &'static str)] {
    &[
        ("brevo.yaml", include_str!("../../../../connectors/brevo.yaml")),
        ("dynamics.yaml", include_str!("../../../../connectors/dynamics.yaml")),
        ("ga4.yaml", include_str!("../../../../connectors/ga4.yaml")),
        ("hubspot.yaml", include_str!("../../../../connectors/hubspot.yaml")),
        ("mailchimp.yaml", include_str!("../../../../connectors/mailchimp.yaml")),
        ("pipedrive.yaml", include_str!("../../../../connectors/pipedrive.yaml")),
        ("salesforce.yaml", include_str!("../../../../connectors/salesforce.yaml")),
        ("shopify.yaml", include_str!("../../../../connectors/shopify.yaml")),
        ("stripe.yaml", include_str!("../../../../connectors/stripe.yaml")),
        ("zendesk.yaml", include_str!("../../../../connectors/zendesk.yaml")),
        ("zoho.yaml", include_str!("../../../../connectors/zoho.yaml")),
    ]
}

/// The file name and text of the manifest of that connector.
pub fn builtin_of(connector: &str) -> Option<(&'static str, &'static str)> {
    builtin().iter().copied().find(|(file, _)| file.strip_suffix(".yaml") == Some(connector))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{builtin, builtin_of};
    use crate::connector::{Connector, faults};
    use crate::{Document, Read, read};

    fn manifest(file: &str, text: &str) -> Read<Connector> {
        let manifest = read::<Connector>(file, text).unwrap_or_else(|problems| unreachable!("{problems:#?}"));
        assert_eq!(faults(&manifest), Vec::new());
        manifest
    }

    #[test]
    fn every_manifest_is_without_fault_and_named_as_its_file() {
        for (file, text) in builtin() {
            assert_eq!(format!("{}.yaml", manifest(file, text).value.connector), *file);
        }
    }

    #[test]
    fn the_references_example_is_without_fault() {
        let reference = include_str!("../../../../connectors/README.md");
        let example = reference.split("```").find_map(|block| block.strip_prefix("yaml\n")).unwrap_or_default();
        assert_eq!(manifest("README.md", example).value.connector.as_str(), "shop");
    }

    #[test]
    fn default_mappings_fill_columns_that_their_entities_have() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/silver");
        for (file, text) in builtin() {
            let connector = manifest(file, text).value;
            for (entity, mapping) in connector.streams.values().flat_map(|stream| &stream.silver) {
                let path = folder.join(format!("{entity}.yaml"));
                let text = std::fs::read_to_string(&path).unwrap_or_else(|error| unreachable!("{entity}: {error}"));
                let entity_file = Document::parse("entity", &text).unwrap_or_else(|problem| unreachable!("{problem}"));
                let columns = entity_file.root.to_json()["columns"].clone();
                for column in mapping.columns.keys() {
                    assert!(columns.get(column).is_some(), "{file}: {entity} has no column {column}");
                }
            }
        }
    }

    #[test]
    fn a_person_link_follows_the_sources_name() {
        let Some((file, text)) = builtin_of("hubspot") else { unreachable!("the manifest is gone") };
        let mappings = manifest(file, text).value.silver("crm", "tickets");
        let person = mappings["tickets"].person.clone().unwrap_or_default();
        assert_eq!(person.of.as_deref(), Some("crm.contacts"));
    }
}
