//! What a person can still do with an export where there is no recovery point.

use super::{ExportRecord, KeptExport};
use crate::observed::KeyAttribute;
use crate::point::Manifest;
use crate::words::{Timestamp, show_time};
use serde_json::json;

/// How the compressed files of an export are read by `ImportTable`.
const FORMAT: &str = "--input-format DYNAMODB_JSON --input-compression-type GZIP";

/// What else there is of a table.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// How it was configured.
    pub manifest: Option<&'a Manifest>,
    /// Whether recovery points or a window are there, of which none could be used.
    pub has_points: bool,
    /// The moment to which the table should go back.
    pub restore_to: Option<Timestamp>,
}

impl ExportRecord {
    /// Guidance for a table of which nothing can be restored: sentences and commands. It is for a person alone, as it makes a table that
    /// lacks nearly everything.
    pub fn by_hand(&self, beside: Beside<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(newest) = &self.newest {
            let (at, table) = (show_time(newest.exported.at), newest.table.name());
            lines.push(if beside.has_points {
                format!(
                    "None of its recovery points can be used here; an export of table {table} of {at} can be imported as another table."
                )
            } else {
                format!("No recovery point is left, only an export of table {table} of {at}: import it as another table.")
            });
            if let Some(wanted) = beside.restore_to.filter(|wanted| *wanted < newest.exported.at) {
                lines.push(format!("It is younger than {}, and holds what went wrong since then.", show_time(wanted)));
            }
            let items = match newest.exported.items {
                Some(1) => "1 item".to_owned(),
                Some(items) => format!("{items} items"),
                None => "the items".to_owned(),
            };
            lines.push(format!(
                "It holds {items}; what was written since is lost. The new table has its key, and no time to live, stream, index, tag, \
                 auto scaling, resource policy, alarm, protection or point-in-time recovery; nothing of it was validated."
            ));
            lines.push(self.import(newest, beside.manifest));
        }
        if let Some((open, arn)) = self.open.as_ref().and_then(|open| Some((open, open.arn.as_ref()?))) {
            lines.push(format!("An export of {} had not ended when it was last looked at: see whether it has.", show_time(open.asked_at)));
            lines.push(format!("aws dynamodb describe-export --region {} --export-arn {arn}", open.table.region()));
        }
        lines
    }

    /// The name is one that clients' roles allow, as they allow copies.
    fn import(&self, newest: &KeptExport, manifest: Option<&Manifest>) -> String {
        let known = manifest.and_then(|manifest| manifest.configuration.table()).map(|table| table.key.clone()).unwrap_or_default();
        let unknown = || vec![KeyAttribute { name: "NAME_OF_ITS_KEY".to_owned(), kind: "S".to_owned() }];
        let key = if known.is_empty() { unknown() } else { known };
        let schema = |(place, part): (usize, &KeyAttribute)| {
            let kind = if place == 0 { "HASH" } else { "RANGE" };
            json!({"AttributeName": part.name, "KeyType": kind})
        };
        let parameters = json!({
            "TableName": format!("{}-restored-by-hand", self.resource),
            "AttributeDefinitions": key.iter().map(|part| json!({"AttributeName": part.name, "AttributeType": part.kind})).collect::<Vec<_>>(),
            "KeySchema": key.iter().enumerate().map(schema).collect::<Vec<_>>(),
            "BillingMode": "PAY_PER_REQUEST",
        });
        let owner = newest.place.bucket_owner.as_ref().map(|owner| format!("S3BucketOwner={owner},")).unwrap_or_default();
        // In single quotes for the shell; a key may be called anything.
        let parameters = parameters.to_string().replace('\'', "'\\''");
        format!(
            "aws dynamodb import-table --region {} --s3-bucket-source {owner}S3Bucket={},S3KeyPrefix={} {FORMAT} --table-creation-parameters '{parameters}'",
            newest.table.region(),
            newest.place.bucket,
            newest.data_prefix()
        )
    }
}
